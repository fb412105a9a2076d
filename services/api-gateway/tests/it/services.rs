//! When services are slow, away or wrong.

use std::time::Duration;

use service_common::failure::{Code, Failure};
use tonic::Status;

use crate::bench::Bench;
use crate::orders::new_order;

fn away() -> Failure {
    Failure::new(Code::Unavailable, "away")
}

#[tokio::test]
async fn a_read_is_repeated_while_the_service_is_away() {
    let bench = Bench::start().await;
    bench.shop.fail("GetProduct", away());
    bench
        .shop
        .fail_with("GetProduct", Status::unavailable("restarting"));
    bench
        .client
        .get("/api/v1/products/prd_1")
        .send()
        .await
        .expect(200);
    assert_eq!(bench.shop.heard("GetProduct").len(), 3);
}

#[tokio::test]
async fn it_is_repeated_twice_at_most() {
    let bench = Bench::start().await;
    (0..4).for_each(|_| bench.shop.fail("GetProduct", away()));
    let reply = bench.client.get("/api/v1/products/prd_1").send().await;
    assert_eq!((reply.status, &*reply.code()), (503, "unavailable"));
    assert_eq!(bench.shop.heard("GetProduct").len(), 3);
}

#[tokio::test]
async fn an_order_is_repeated_only_with_a_key() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let order = || {
        bench
            .client
            .post("/api/v1/orders")
            .token(&token)
            .json(&new_order())
    };
    bench.shop.fail("CreateOrder", away());
    let reply = order().send().await;
    assert_eq!((reply.status, &*reply.code()), (503, "unavailable"));
    assert_eq!(bench.shop.heard("CreateOrder").len(), 1);
    bench.shop.fail("CreateOrder", away());
    order().header("Idempotency-Key", "k-1").send().await.expect(201);
    let heard = bench.shop.heard("CreateOrder");
    assert_eq!(heard.len(), 3);
    assert_eq!(heard[1].message, heard[2].message);
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let bench = Bench::start().await;
    for code in [Code::Overloaded, Code::NotFound, Code::Contended, Code::Internal] {
        bench.shop.fail(
            "CancelOrder",
            Failure::new(code, "no").after(Duration::from_secs(3)),
        );
        let call = bench
            .client
            .put("/api/v1/orders/ord_1/cancel")
            .token(&bench.token("usr_1"));
        let reply = call.send().await;
        assert_eq!(
            (reply.status, &*reply.code()),
            (code.http().as_u16(), code.as_str())
        );
        assert_eq!(reply.header("retry-after"), Some("3"));
    }
    assert_eq!(bench.shop.heard("CancelOrder").len(), 4);
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_given_up_at_the_deadline() {
    let bench = Bench::with(|options| options.patience.request_timeout = Duration::from_millis(50)).await;
    bench.shop.fall_silent("GetProduct");
    let reply = bench.client.get("/api/v1/products/prd_1").send().await;
    assert_eq!((reply.status, &*reply.code()), (504, "timeout"));
    assert_eq!(bench.shop.heard("GetProduct").len(), 1);
}

#[tokio::test]
async fn a_service_that_never_answers_is_left_alone() {
    let bench = Bench::with(|options| options.patience.request_timeout = Duration::from_millis(5)).await;
    bench.shop.fall_silent("GetProduct");
    let mut refused = None;
    for _ in 0..40 {
        let reply = bench.client.get("/api/v1/products/prd_1").send().await;
        if reply.code() == "unavailable" {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("the breaker does not open");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    // The other services are not concerned.
    let token = bench.token("usr_1");
    let reply = bench
        .client
        .get("/api/v1/orders/ord_1")
        .token(&token)
        .send()
        .await;
    assert_ne!(reply.status, 503, "{}", reply.text());
}

#[tokio::test]
async fn a_service_that_says_itself_that_it_can_do_nothing_is_not_left_alone() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    for _ in 0..40 {
        bench.shop.fail("CreateOrder", away());
        let order = bench
            .client
            .post("/api/v1/orders")
            .token(&token)
            .json(&new_order());
        assert_eq!(order.send().await.code(), "unavailable");
    }
    let read = bench.client.get("/api/v1/orders/ord_1").token(&token);
    read.send().await.expect(200);
}

#[tokio::test]
async fn what_a_service_says_of_its_inside_is_not_passed_on() {
    let bench = Bench::start().await;
    bench
        .shop
        .fail_with("GetProduct", Status::internal("secret: password=hunter2"));
    let reply = bench.client.get("/api/v1/products/prd_1").send().await;
    assert_eq!((reply.status, &*reply.code()), (500, "internal"));
    assert!(!reply.text().contains("hunter2"));
}
