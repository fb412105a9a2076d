//! Invoices.

use service_common::failure::{Code, Failure};
use weir_rpc::order::v1::GetDocumentRequest;

use crate::bench::Bench;

const PATH: &str = "/api/v1/orders/ord_1/document";

#[tokio::test]
async fn a_document_is_shown_to_its_owner_as_a_page_that_can_do_nothing() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let reply = bench.client.get(PATH).token(&token).send().await;
    assert_eq!((reply.status, &*reply.text()), (200, "<!doctype html>"));
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(
        reply.header("content-disposition"),
        Some("inline; filename=\"invoice-ord_1.html\"")
    );
    let policy = reply.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("sandbox"),
        "{policy}"
    );
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    let heard = bench.shop.only("GetDocument");
    heard.was(&GetDocumentRequest {
        order_id: "ord_1".to_owned(),
    });
    assert_eq!(heard.header("authorization"), Some(&*format!("Bearer {token}")));
}

#[tokio::test]
async fn nobody_sees_one_without_a_token_and_what_the_service_refuses_is_told() {
    let bench = Bench::start().await;
    assert_eq!(bench.client.get(PATH).send().await.code(), "unauthenticated");
    for (code, status) in [(Code::NotFound, 404), (Code::OrderState, 409)] {
        bench.shop.fail("GetDocument", Failure::new(code, "no"));
        let reply = bench.client.get(PATH).token(&bench.token("usr_2")).send().await;
        assert_eq!((reply.status, &*reply.code()), (status, code.as_str()));
    }
}
