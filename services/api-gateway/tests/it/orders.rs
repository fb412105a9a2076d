//! Orders.

use serde_json::{Value, json};
use service_common::failure::{Code, Failure};
use weir_rpc::order::v1::{
    CancelOrderRequest, CreateOrderRequest, GetOrderRequest, ListOrdersRequest, OrderLine, OrderStatus,
};

use crate::bench::Bench;
use crate::shop::address;

pub(crate) fn new_order() -> Value {
    json!({
        "items": [{"product_id": "prd_1", "quantity": 2}],
        "shipping_address": {
            "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London", "postal_code": "SW1Y",
            "country": "GB",
        },
    })
}

fn shown(id: &str, status: &str) -> Value {
    json!({
        "id": id, "order_id": id, "user_id": "usr_1", "status": status,
        "items": [{"product_id": "prd_1", "quantity": 2, "unit_price": "129.90"}],
        "total_amount": "259.80", "currency": "USD",
        "shipping_address": {
            "name": "Ada Lovelace", "line1": "12 St James's Square", "line2": null, "city": "London",
            "postal_code": "SW1Y", "country": "GB",
        },
        "created_at": "2026-03-01T12:00:00.500Z", "cancelled_at": null, "cancel_reason": null,
        "cancel_requested": false, "payment_id": null, "version": 2,
    })
}

#[tokio::test]
async fn an_order_is_taken() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let call = bench
        .client
        .post("/api/v1/orders")
        .token(&token)
        .header("Idempotency-Key", "k-1");
    let reply = call.json(&new_order()).send().await;
    assert_eq!(reply.expect(201), shown("ord_1", "reserved"));
    assert_eq!(reply.header("location"), Some("/api/v1/orders/ord_1"));
    let heard = bench.shop.only("CreateOrder");
    heard.was(&CreateOrderRequest {
        items: vec![OrderLine {
            product_id: "prd_1".to_owned(),
            quantity: 2,
        }],
        shipping_address: Some(address()),
        payment_method: String::new(),
        idempotency_key: "k-1".to_owned(),
    });
    assert_eq!(heard.header("authorization"), Some(&*format!("Bearer {token}")));
}

#[tokio::test]
async fn an_order_may_bring_its_payment_along_and_name_its_user() {
    let bench = Bench::start().await;
    let mut order = new_order();
    order["payment_method"] = json!("tok_success");
    order["user_id"] = json!("usr_1");
    order["shipping_address"]["line2"] = json!("left door");
    order["a field of tomorrow"] = json!({"is": "left alone"});
    let call = bench.client.post("/api/v1/orders").token(&bench.token("usr_1"));
    call.json(&order).send().await.expect(201);
    let heard = bench.shop.only("CreateOrder").message;
    assert!(heard.contains(r#"payment_method: "tok_success""#), "{heard}");
    assert!(heard.contains(r#"line2: "left door""#), "{heard}");
    assert!(heard.contains(r#"idempotency_key: """#), "{heard}");
}

#[tokio::test]
async fn anothers_user_id_is_refused_before_anything_is_done() {
    let bench = Bench::start().await;
    let mut order = new_order();
    order["user_id"] = json!("usr_2");
    let call = bench.client.post("/api/v1/orders").token(&bench.token("usr_1"));
    let reply = call.json(&order).send().await;
    assert_eq!((reply.status, &*reply.code()), (403, "user_mismatch"));
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn every_field_of_a_wrong_kind_is_named() {
    let bench = Bench::start().await;
    let order = json!({
        "items": [{"product_id": 5, "quantity": 1}, {"product_id": "prd_1", "quantity": "two"}, null],
        "shipping_address": {"name": "Ada", "line1": ["x"], "city": "London", "country": "GB"},
        "payment_method": 1,
    });
    let call = bench.client.post("/api/v1/orders").token(&bench.token("usr_1"));
    let reply = call.json(&order).send().await;
    assert_eq!((reply.status, &*reply.code()), (400, "invalid_request"));
    assert_eq!(
        reply.fields(),
        [
            "items[0].product_id",
            "items[1].quantity",
            "items[2]",
            "shipping_address.line1",
            "shipping_address.postal_code",
            "payment_method",
        ]
    );
}

#[tokio::test]
async fn what_the_service_refuses_comes_back_with_its_code_and_fields() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let refusals = [
        (Code::OutOfStock, 409),
        (Code::UnknownProduct, 422),
        (Code::OrderEnded, 409),
        (Code::KeyReused, 422),
        (Code::StillRunning, 409),
    ];
    for (code, status) in refusals {
        bench.shop.fail("CreateOrder", Failure::new(code, "no"));
        let call = bench
            .client
            .post("/api/v1/orders")
            .token(&token)
            .header("Idempotency-Key", "k");
        let reply = call.json(&new_order()).send().await;
        assert_eq!((reply.status, &*reply.code()), (status, code.as_str()));
    }
    bench.shop.fail(
        "CreateOrder",
        Failure::field("items[0].quantity", "`0` is not between 1 and 10000"),
    );
    let reply = bench
        .client
        .post("/api/v1/orders")
        .token(&token)
        .json(&new_order())
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.fields()),
        (400, vec!["items[0].quantity".to_owned()])
    );
}

#[tokio::test]
async fn an_order_is_read() {
    let bench = Bench::start().await;
    let call = bench
        .client
        .get("/api/v1/orders/ord_7")
        .token(&bench.token("usr_1"));
    assert_eq!(call.send().await.expect(200), shown("ord_7", "confirmed"));
    bench.shop.only("GetOrder").was(&GetOrderRequest {
        order_id: "ord_7".to_owned(),
    });
}

#[tokio::test]
async fn orders_are_listed_by_pages() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let page = bench
        .client
        .get("/api/v1/orders")
        .token(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(page["orders"][0]["status"], "pending");
    assert_eq!(
        page["orders"][0]["total_amount"],
        json!(null),
        "its prices are not known yet"
    );
    assert_eq!(page["orders"][1], shown("ord_1", "paid"));
    assert_eq!(page["next_cursor"], "ord_1");
    let path = "/api/v1/orders?status=paid&user_id=usr_1&cursor=ord_1&limit=5";
    bench.client.get(path).token(&token).send().await.expect(200);
    let heard = bench.shop.heard("ListOrders");
    heard[0].was(&ListOrdersRequest {
        status: OrderStatus::Unspecified.into(),
        limit: 20,
        ..ListOrdersRequest::default()
    });
    heard[1].was(&ListOrdersRequest {
        status: OrderStatus::Paid.into(),
        user_id: "usr_1".to_owned(),
        cursor: "ord_1".to_owned(),
        limit: 5,
    });
}

#[tokio::test]
async fn another_users_orders_are_refused_by_the_service() {
    let bench = Bench::start().await;
    bench.shop.fail(
        "ListOrders",
        Failure::new(Code::UserMismatch, "these are another user's orders"),
    );
    let call = bench
        .client
        .get("/api/v1/orders?user_id=usr_2")
        .token(&bench.token("usr_1"));
    let reply = call.send().await;
    assert_eq!((reply.status, &*reply.code()), (403, "user_mismatch"));
}

#[tokio::test]
async fn an_order_is_cancelled() {
    let bench = Bench::start().await;
    let call = bench
        .client
        .put("/api/v1/orders/ord_1/cancel")
        .token(&bench.token("usr_1"));
    let order = call.send().await.expect(200);
    assert_eq!(
        (&order["status"], &order["cancel_reason"]),
        (&json!("cancelled"), &json!("client"))
    );
    assert_eq!(order["cancelled_at"], "2026-03-01T12:00:00.500Z");
    bench.shop.only("CancelOrder").was(&CancelOrderRequest {
        order_id: "ord_1".to_owned(),
    });
}
