//! What travels with a request to the services and back.

use service_common::failure::{Code, Failure};

use crate::bench::Bench;
use crate::orders::new_order;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn the_id_of_a_request_goes_to_the_services_and_back() {
    let bench = Bench::start().await;
    let reply = bench
        .client
        .get("/api/v1/products/prd_1")
        .header("X-Request-Id", "req-1")
        .send()
        .await;
    assert_eq!(reply.header("x-request-id"), Some("req-1"));
    assert_eq!(
        bench.shop.only("GetProduct").header("x-request-id"),
        Some("req-1")
    );
}

#[tokio::test]
async fn a_request_without_an_id_or_with_an_unsafe_one_gets_one() {
    let bench = Bench::start().await;
    let without = bench.client.get("/api/v1/products/prd_1").send().await;
    let id = without.header("x-request-id").unwrap();
    assert_eq!(bench.shop.only("GetProduct").header("x-request-id"), Some(id));
    let call = bench
        .client
        .get("/api/v1/products/prd_1")
        .header("X-Request-Id", "a\" b");
    assert_ne!(call.send().await.header("x-request-id"), Some("a\" b"));
}

#[tokio::test]
async fn a_failure_names_the_request() {
    let bench = Bench::start().await;
    bench.shop.fail(
        "GetProduct",
        Failure::new(Code::NotFound, "there is no such product"),
    );
    for path in ["/api/v1/products/prd_1", "/no/such/path", "/api/v1/cart"] {
        let reply = bench
            .client
            .get(path)
            .header("X-Request-Id", "req-1")
            .send()
            .await;
        assert_eq!(reply.json()["request_id"], "req-1", "{path}");
    }
}

#[tokio::test]
async fn a_trace_goes_on_and_a_missing_one_begins() {
    let bench = Bench::start().await;
    bench
        .client
        .get("/api/v1/products/prd_1")
        .header("traceparent", TRACE)
        .send()
        .await;
    bench
        .client
        .get("/api/v1/products/prd_1")
        .header("traceparent", "garbage")
        .send()
        .await;
    let heard = bench.shop.heard("GetProduct");
    assert_eq!(heard[0].header("traceparent"), Some(TRACE));
    let begun = heard[1].header("traceparent").unwrap();
    assert!(begun.starts_with("00-") && begun.len() == TRACE.len(), "{begun}");
}

#[tokio::test]
async fn the_deadline_is_the_routes_own() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    bench
        .client
        .get("/api/v1/products/prd_1")
        .header("grpc-timeout", "1H")
        .send()
        .await;
    bench
        .client
        .post("/api/v1/orders")
        .token(&token)
        .json(&new_order())
        .send()
        .await
        .expect(201);
    let left_ms = |call: &str| {
        let heard = bench.shop.only(call);
        let timeout = heard
            .header("grpc-timeout")
            .unwrap()
            .strip_suffix('m')
            .unwrap()
            .to_owned();
        timeout.parse::<u64>().unwrap()
    };
    assert!((1..=5_000).contains(&left_ms("GetProduct")));
    assert!((5_001..=12_000).contains(&left_ms("CreateOrder")));
}
