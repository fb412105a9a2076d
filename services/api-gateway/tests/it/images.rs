//! Pictures of products.

use std::time::Duration;

use service_common::auth::{Caller, Role};
use service_common::failure::Failure;
use tokio::io::AsyncWriteExt;
use weir_rpc::product::v1::{DeleteImageRequest, GetImageRequest, PutImageRequest};

use crate::bench::Bench;
use crate::client::Reply;

const PATH: &str = "/api/v1/products/prd_1/image";

fn admin(bench: &Bench) -> String {
    bench.issue(&Caller::User {
        id: "usr_0".to_owned(),
        role: Role::Admin,
        session: "ses_0".to_owned(),
    })
}

#[tokio::test]
async fn a_picture_is_shown_to_everybody_and_for_good_where_it_is_named() {
    let bench = Bench::start().await;
    for (path, kept) in [
        (PATH.to_owned(), "public, max-age=60"),
        (format!("{PATH}?v=img_0"), "public, max-age=60"),
        (format!("{PATH}?v=img_1"), "public, max-age=31536000, immutable"),
    ] {
        let reply = bench.client.get(&path).send().await;
        assert_eq!((reply.status, reply.bytes()), (200, &b"\x89PNG"[..]));
        assert_eq!(reply.header("content-type"), Some("image/png"));
        assert_eq!(reply.header("etag"), Some("\"img_1\""));
        assert_eq!(reply.header("cache-control"), Some(kept));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
    }
    bench.shop.heard("GetImage")[0].was(&GetImageRequest {
        product_id: "prd_1".to_owned(),
        known_image_ids: Vec::new(),
    });
    let head = bench.client.call("HEAD", PATH).send().await;
    assert_eq!((head.status, head.bytes()), (200, &b""[..]));
}

#[tokio::test]
async fn a_picture_that_the_client_has_is_not_sent_again() {
    let bench = Bench::start().await;
    let get = async |tags: &str| {
        let call = bench.client.get(PATH).header("If-None-Match", tags);
        call.send().await
    };
    for tags in ["\"img_1\"", "W/\"img_1\"", "\"img_0\", \"img_1\""] {
        let reply = get(tags).await;
        assert_eq!((reply.status, reply.bytes()), (304, &b""[..]), "{tags}");
        assert_eq!(reply.header("etag"), Some("\"img_1\""));
    }
    for tags in ["\"img_0\"", "img_1", "\"\"", "\"a b\"", ","] {
        assert_eq!(get(tags).await.status, 200, "{tags}");
    }
}

#[tokio::test]
async fn a_picture_is_put_by_admins_only() {
    let bench = Bench::start().await;
    let put = |token: Option<&str>| {
        let call = bench.client.put(PATH).bytes("image/jpeg", b"a file");
        match token {
            Some(token) => call.token(token),
            None => call,
        }
    };
    assert_eq!(put(None).send().await.code(), "unauthenticated");
    assert_eq!(put(Some(&bench.token("usr_1"))).send().await.code(), "forbidden");
    let customer = bench.client.delete(PATH).token(&bench.token("usr_1"));
    assert_eq!(customer.send().await.code(), "forbidden");
    assert_eq!(bench.shop.all_heard(), [""; 0]);

    let product = put(Some(&admin(&bench))).send().await.expect(200);
    assert_eq!(product["image_url"], "/api/v1/products/prd_1/image?v=img_1");
    bench.shop.only("PutImage").was(&PutImageRequest {
        product_id: "prd_1".to_owned(),
        content: b"a file".to_vec(),
    });
    let gone = bench.client.delete(PATH).token(&admin(&bench)).send().await;
    assert_eq!((gone.status, gone.bytes()), (204, &b""[..]));
    bench.shop.only("DeleteImage").was(&DeleteImageRequest {
        product_id: "prd_1".to_owned(),
    });
}

#[tokio::test]
async fn what_is_no_picture_goes_no_further_or_is_refused_by_its_name() {
    let bench = Bench::start().await;
    let token = admin(&bench);
    for kind in [
        "text/html",
        "image/svg+xml",
        "image/gif",
        "image/webp",
        "image/*",
        "application/json",
        "",
    ] {
        let put = bench.client.put(PATH).token(&token).bytes(kind, b"<svg/>");
        let reply = put.send().await;
        assert_eq!(
            (reply.status, &*reply.code()),
            (415, "unsupported_media_type"),
            "{kind}"
        );
    }
    let large = vec![0; 4 * 1024 * 1024 + 1];
    let put = bench.client.put(PATH).token(&token).bytes("image/png", &large);
    assert_eq!(put.send().await.code(), "body_too_large");
    assert_eq!(bench.shop.all_heard(), [""; 0]);

    let fits = bench
        .client
        .put(PATH)
        .token(&token)
        .bytes("image/png", &large[1..]);
    bench
        .shop
        .fail("PutImage", Failure::field("image", "neither a PNG nor a JPEG"));
    let reply = fits.send().await;
    assert_eq!((reply.status, reply.fields()), (400, vec!["image".to_owned()]));
}

#[tokio::test]
async fn a_product_that_got_a_picture_is_shown_with_it_at_once() {
    let bench = Bench::with(|options| options.catalogue_age = Duration::from_secs(600)).await;
    let get = async || {
        bench
            .client
            .get("/api/v1/products/prd_1")
            .send()
            .await
            .expect(200)
    };
    get().await;
    get().await;
    assert_eq!(bench.shop.heard("GetProduct").len(), 1);
    let token = admin(&bench);
    let put = bench.client.put(PATH).token(&token).bytes("image/png", b"x");
    put.send().await.expect(200);
    get().await;
    bench.client.delete(PATH).token(&token).send().await;
    get().await;
    assert_eq!(bench.shop.heard("GetProduct").len(), 3);
}

/// Large bodies are taken in a few at a time: the others are told so, before memory runs out.
#[tokio::test]
async fn more_pictures_than_there_is_room_for_are_refused_at_once() {
    let bench = Bench::start().await;
    let token = admin(&bench);
    let head = format!(
        "PUT {PATH} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: image/png\r\nContent-Length: 2\r\n\r\nx"
    );
    let mut begun = Vec::new();
    for _ in 0..=8 {
        let mut stream = bench.client.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        begun.push(stream);
    }
    let answered = {
        let readable = begun.iter().map(|stream| Box::pin(stream.readable()));
        futures::future::select_all(readable).await.1
    };
    let refused = Reply::read(&mut begun.remove(answered)).await;
    assert_eq!((refused.status, &*refused.code()), (503, "overloaded"));
    assert!(refused.header("retry-after").is_some());
    for mut stream in begun {
        stream.write_all(b"y").await.unwrap();
        Reply::read(&mut stream).await.expect(200);
    }
}

/// What leads elsewhere, or means something to somebody: nothing of it reaches the service.
#[tokio::test]
async fn a_path_that_is_none_of_ours_is_nowhere() {
    let bench = Bench::start().await;
    let token = admin(&bench);
    for id in [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2fkb-1",
        "a%00b",
        "a%0d%0aX-Evil:%201",
        "%ff",
        "a%20b",
        "%3Cscript%3E",
        "a%5cb",
        &"x".repeat(129),
    ] {
        let image = format!("/api/v1/products/{id}/image");
        for method in ["GET", "PUT", "DELETE"] {
            let call = bench.client.call(method, &image).token(&token);
            let reply = match method {
                "PUT" => call.bytes("image/png", b"x").send().await,
                _ => call.send().await,
            };
            assert_eq!(
                (reply.status, &*reply.code()),
                (404, "not_found"),
                "{method} {id}"
            );
        }
        let document = format!("/api/v1/orders/{id}/document");
        let reply = bench.client.get(&document).token(&token).send().await;
        assert_eq!((reply.status, &*reply.code()), (404, "not_found"), "{id}");
    }
    for (method, path) in [
        ("POST", PATH),
        ("PATCH", PATH),
        ("PUT", "/api/v1/orders/ord_1/document"),
        ("DELETE", "/api/v1/orders/ord_1/document"),
    ] {
        let reply = bench.client.call(method, path).token(&token).send().await;
        assert_eq!(reply.code(), "method_not_allowed", "{method} {path}");
    }
    let reply = bench.client.get(&format!("{PATH}?v=%00")).send().await;
    assert_eq!((reply.status, reply.fields()), (400, vec!["v".to_owned()]));
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}
