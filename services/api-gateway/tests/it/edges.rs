//! Bodies, methods and paths that are not what the routes take.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bench::Bench;
use crate::client::Reply;

const LOGIN: &str = "/api/v1/auth/login";

#[tokio::test]
async fn a_body_that_is_no_json_object_is_malformed() {
    let bench = Bench::start().await;
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{\"email\": }",
        "{'email': 1}",
        "{\"a\":1,\"a\":2}",
        "email=a",
    ] {
        let reply = bench
            .client
            .post(LOGIN)
            .text("application/json", body)
            .send()
            .await;
        assert_eq!(
            (reply.status, &*reply.code()),
            (400, "malformed_request"),
            "{body}"
        );
    }
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn only_json_is_taken() {
    let bench = Bench::start().await;
    let body = json!({"email": "a@b.c", "password": "p"}).to_string();
    for kind in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "application/json5",
    ] {
        let reply = bench.client.post(LOGIN).text(kind, &body).send().await;
        assert_eq!(
            (reply.status, &*reply.code()),
            (415, "unsupported_media_type"),
            "{kind}"
        );
    }
    let reply = bench
        .client
        .post(LOGIN)
        .header("Content-Length", "0")
        .send()
        .await;
    assert_eq!(reply.status, 415, "no content type");
    let packed = bench.client.post(LOGIN).header("Content-Encoding", "gzip");
    assert_eq!(packed.text("application/json", &body).send().await.status, 415);
    let charset = bench
        .client
        .post(LOGIN)
        .text("application/json; charset=utf-8", &body);
    charset.send().await.expect(200);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_whether_it_says_its_length_or_not() {
    let bench = Bench::start().await;
    let body = format!(r#"{{"email": "{}"}}"#, "x".repeat(64 * 1024));
    let reply = bench
        .client
        .post(LOGIN)
        .text("application/json", &body)
        .send()
        .await;
    assert_eq!((reply.status, &*reply.code()), (413, "body_too_large"));

    let mut stream = bench.client.connect().await;
    let head = format!(
        "POST {LOGIN} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let reply = Reply::read(&mut stream).await;
    assert_eq!((reply.status, &*reply.code()), (413, "body_too_large"));
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn a_body_at_the_limit_is_taken() {
    let bench = Bench::with(|options| options.limits.max_body_bytes = 100).await;
    let start = r#"{"email": "a@b.c", "password": "p", "x": ""#;
    let fill = |length: usize| format!("{start}{}\"}}", "x".repeat(length - start.len() - 2));
    assert_eq!(fill(100).len(), 100);
    bench
        .client
        .post(LOGIN)
        .text("application/json", &fill(100))
        .send()
        .await
        .expect(200);
    assert_eq!(
        bench
            .client
            .post(LOGIN)
            .text("application/json", &fill(101))
            .send()
            .await
            .status,
        413
    );
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let bench = Bench::with(|options| options.patience.body_timeout = Duration::from_millis(50)).await;
    let mut stream = bench.client.connect().await;
    let head = format!(
        "POST {LOGIN} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{{\"email\""
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The connection is closed behind the answer: what may still come would be taken for the next request.
    let reply = Reply::read(&mut stream).await;
    assert_eq!((reply.status, &*reply.code()), (408, "request_timeout"));
}

#[tokio::test]
async fn a_head_that_does_not_arrive_is_not_waited_for() {
    let bench = Bench::with(|options| options.patience.head_timeout = Duration::from_millis(200)).await;
    let mut stream = bench.client.connect().await;
    stream
        .write_all(b"GET /health HTTP/1.1\r\nHost: shop\r\nX-Slow: ")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection stays open");
}

#[tokio::test]
async fn a_path_that_is_none_and_a_method_that_it_does_not_take_are_problems_too() {
    let bench = Bench::start().await;
    for path in [
        "/",
        "/api",
        "/api/v1/products/",
        "/api/v1/orders/a/b",
        "/api/v2/orders",
        "/api/v1/products/%ff",
        "//",
    ] {
        let reply = bench.client.get(path).send().await;
        assert_eq!((reply.status, &*reply.code()), (404, "not_found"), "{path}");
    }
    for (method, path, allow) in [
        ("DELETE", "/api/v1/orders", ["GET", "POST"]),
        ("POST", "/api/v1/products/prd_1", ["GET", "HEAD"]),
        ("OPTIONS", "/api/v1/orders", ["GET", "POST"]),
        ("PUT", "/health", ["GET", "HEAD"]),
    ] {
        let reply = bench.client.call(method, path).send().await;
        assert_eq!(
            (reply.status, &*reply.code()),
            (405, "method_not_allowed"),
            "{method} {path}"
        );
        let allowed = reply.header("allow").unwrap();
        assert!(allow.iter().all(|method| allowed.contains(method)), "{allowed}");
    }
}

#[tokio::test]
async fn an_id_that_cannot_be_one_is_not_asked_for() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    for id in [
        "a%20b",
        "%27%20OR%201=1--",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%F0%9F%98%80",
        &"x".repeat(129),
    ] {
        let reply = bench
            .client
            .get(&format!("/api/v1/orders/{id}"))
            .token(&token)
            .send()
            .await;
        assert_eq!((reply.status, &*reply.code()), (404, "not_found"), "{id}");
    }
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn an_idempotency_key_that_is_none_is_refused() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    for key in ["", &"k".repeat(256), "k\u{e9}"] {
        let call = bench
            .client
            .post("/api/v1/orders")
            .token(&token)
            .header("Idempotency-Key", key);
        let reply = call.json(&json!({})).send().await;
        assert_eq!(
            (reply.status, reply.fields()),
            (400, vec!["Idempotency-Key".to_owned()])
        );
    }
    let twice = bench
        .client
        .post("/api/v1/orders")
        .token(&token)
        .header("Idempotency-Key", "a");
    assert_eq!(
        twice
            .header("Idempotency-Key", "b")
            .json(&json!({}))
            .send()
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn no_other_site_is_let_in() {
    let bench = Bench::start().await;
    let reply = bench
        .client
        .get("/api/v1/products")
        .header("Origin", "https://evil.example")
        .send()
        .await;
    reply.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
}
