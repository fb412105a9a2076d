//! This service's part of the REST API, on its own port.

use serde_json::Value;
use service_common::auth::Role;
use test_support::databases::on_each_database;
use test_support::http::{Reply, exchange};

use crate::calls::{Served, keyboard, token, user};
use crate::images::PICTURE;

const IMAGE: &str = "/api/v1/products/kb-1/image";

/// A service that has a keyboard.
struct Bench(Served);

impl Bench {
    async fn start(url: &str) -> Bench {
        let served = Served::start(url).await;
        served.put(keyboard()).await.unwrap();
        Bench(served)
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let address = self.0.service.running.addresses().http.unwrap();
        let reply = exchange(address, method, path, headers, body).await.unwrap();
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(reply.header("x-request-id").is_some(), "{path}");
        reply
    }

    async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], b"").await
    }

    async fn as_admin(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Reply {
        let bearer = self.bearer(Role::Admin, "ses_1");
        let headers = [("Authorization", &*bearer), ("Content-Type", kind)];
        self.call(method, path, &headers, body).await
    }

    fn bearer(&self, role: Role, session: &str) -> String {
        format!("Bearer {}", token(&self.0.key, &user(role, session)))
    }
}

fn json(reply: &Reply, status: u16) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

#[track_caller]
fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let problem = json(reply, status);
    assert_eq!(problem["code"], code);
    assert_eq!(problem["request_id"].as_str(), reply.header("x-request-id"));
}

#[test]
fn the_catalogue_is_read_by_everybody() {
    on_each_database(async |url| {
        let bench = Bench::start(&url).await;
        let product = json(&bench.get("/api/v1/products/kb-1").await, 200);
        assert_eq!(
            (&product["price"], &product["currency"]),
            (&"64.95".into(), &"EUR".into())
        );
        let list = json(&bench.get("/api/v1/products?limit=5").await, 200);
        assert_eq!((&list["total"], &list["products"][0]), (&1.into(), &product));
        let found = json(
            &bench.get("/api/v1/products/search?q=quiet&max_price=64.95").await,
            200,
        );
        assert_eq!(found["results"][0], product);

        let reply = bench.get("/api/v1/products?limit=0&skip=x").await;
        assert_refused(&reply, 400, "invalid_request");
        let reply = bench
            .get("/api/v1/products/search?q=a&min_price=2&max_price=1")
            .await;
        assert!(
            reply.text().contains("\"field\":\"max_price\""),
            "{}",
            reply.text()
        );
        for path in [
            "/api/v1/products/kb-2",
            "/api/v1/products/..%2f..%2fetc",
            "/api/v2",
        ] {
            assert_refused(&bench.get(path).await, 404, "not_found");
        }
        let reply = bench.call("DELETE", "/api/v1/products", &[], b"").await;
        assert_refused(&reply, 405, "method_not_allowed");
        bench.0.service.running.stop().await;
    });
}

#[test]
fn a_picture_is_put_by_admins_and_read_by_everybody() {
    on_each_database(async |url| {
        let bench = Bench::start(&url).await;
        assert_refused(&bench.get(IMAGE).await, 404, "not_found");
        let product = bench.as_admin("PUT", IMAGE, "image/png", PICTURE).await;
        let address = json(&product, 200)["image_url"].as_str().unwrap().to_owned();
        assert!(address.starts_with(&format!("{IMAGE}?v=img_")), "{address}");

        let picture = bench.get(&address).await;
        assert_eq!(
            (picture.status, picture.header("content-type")),
            (200, Some("image/png"))
        );
        assert!(picture.body.starts_with(b"\x89PNG"));
        assert_eq!(
            picture.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
        let tag = picture.header("etag").unwrap();
        let known = bench.call("GET", IMAGE, &[("If-None-Match", tag)], b"").await;
        assert_eq!((known.status, known.body.len()), (304, 0));

        let gone = bench.as_admin("DELETE", IMAGE, "", b"").await;
        assert_eq!(gone.status, 204);
        assert_refused(&bench.get(IMAGE).await, 404, "not_found");
        bench.0.service.running.stop().await;
    });
}

#[test]
fn the_port_checks_who_calls_and_what_they_send() {
    on_each_database(async |url| {
        let bench = Bench::start(&url).await;
        let put = async |bearer: &str, kind: &str, body: &[u8]| {
            let headers = [("Authorization", bearer), ("Content-Type", kind)];
            bench.call("PUT", IMAGE, &headers, body).await
        };
        let admin = bench.bearer(Role::Admin, "ses_1");
        let forged = format!("{}x", admin);
        for bearer in ["", "Bearer", "Bearer x", "Basic x", &forged] {
            assert_refused(&put(bearer, "image/png", PICTURE).await, 401, "unauthenticated");
        }
        let ended = bench.bearer(Role::Admin, "ended");
        assert_refused(&put(&ended, "image/png", PICTURE).await, 401, "unauthenticated");
        let customer = bench.bearer(Role::Customer, "ses_1");
        assert_refused(&put(&customer, "image/png", PICTURE).await, 403, "forbidden");

        assert_refused(
            &put(&admin, "text/html", PICTURE).await,
            415,
            "unsupported_media_type",
        );
        let reply = put(&admin, "image/png", b"<svg><script/></svg>").await;
        assert_refused(&reply, 400, "invalid_request");
        let large = vec![0; 4 * 1024 * 1024 + 1];
        assert_refused(&put(&admin, "image/png", &large).await, 413, "body_too_large");
        // As large as it may be, and no picture.
        assert_refused(
            &put(&admin, "image/png", &large[1..]).await,
            400,
            "invalid_request",
        );
        assert_refused(&bench.get(IMAGE).await, 404, "not_found");
        bench.0.service.running.stop().await;
    });
}
