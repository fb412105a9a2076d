//! The cart.

use serde_json::json;
use weir_rpc::user::v1::{DeleteCartItemRequest, GetCartRequest, PutCartItemRequest};

use crate::bench::Bench;

#[tokio::test]
async fn a_cart_is_read_filled_and_emptied() {
    let bench = Bench::start().await;
    let token = bench.token("usr_1");
    let filled = json!({"items": [{"product_id": "prd_1", "quantity": 2}]});

    let reply = bench.client.get("/api/v1/cart").token(&token).send().await;
    assert_eq!(reply.expect(200), filled);
    bench.shop.only("GetCart").was(&GetCartRequest {});

    let put = bench.client.put("/api/v1/cart/items/prd_1").token(&token);
    let reply = put.json(&json!({"quantity": 2})).send().await;
    assert_eq!(reply.expect(200), filled);
    bench.shop.only("PutCartItem").was(&PutCartItemRequest {
        product_id: "prd_1".to_owned(),
        quantity: 2,
    });

    let reply = bench
        .client
        .delete("/api/v1/cart/items/prd_1")
        .token(&token)
        .send()
        .await;
    assert_eq!(reply.expect(200), json!({"items": []}));
    bench.shop.only("DeleteCartItem").was(&DeleteCartItemRequest {
        product_id: "prd_1".to_owned(),
    });
}

#[tokio::test]
async fn anothers_cart_is_not_filled() {
    let bench = Bench::start().await;
    let put = bench
        .client
        .put("/api/v1/cart/items/prd_1")
        .token(&bench.token("usr_1"));
    let reply = put.json(&json!({"quantity": 2, "user_id": "usr_2"})).send().await;
    assert_eq!((reply.status, &*reply.code()), (403, "user_mismatch"));
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}
