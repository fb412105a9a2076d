//! Products.

use std::time::Duration;

use serde_json::json;
use service_common::failure::{Code, Failure};
use weir_rpc::product::v1::{GetProductRequest, ListProductsRequest, SearchRequest};

use crate::bench::Bench;

#[tokio::test]
async fn a_product_is_shown_to_everybody() {
    let bench = Bench::start().await;
    let reply = bench.client.get("/api/v1/products/prd_9").send().await;
    assert_eq!(
        reply.expect(200),
        json!({
            "id": "prd_9", "name": "Lamp", "description": "It shines", "category": "home", "price": "129.90",
            "currency": "USD", "stock": 7, "image_url": "/api/v1/products/prd_9/image?v=img_1",
        })
    );
    bench.shop.only("GetProduct").was(&GetProductRequest {
        product_id: "prd_9".to_owned(),
    });
}

#[tokio::test]
async fn a_token_is_not_looked_at_where_none_is_needed() {
    let bench = Bench::start().await;
    let reply = bench
        .client
        .get("/api/v1/products/prd_9")
        .token("garbage")
        .send()
        .await;
    reply.expect(200);
    assert_eq!(bench.shop.only("GetProduct").header("authorization"), None);
}

#[tokio::test]
async fn the_catalogue_comes_by_pages() {
    let bench = Bench::start().await;
    let page = bench.client.get("/api/v1/products").send().await.expect(200);
    assert_eq!(page["products"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&page["total"], &page["next_cursor"]),
        (&json!(12), &json!("after-2"))
    );
    bench
        .client
        .get("/api/v1/products?skip=20&limit=100")
        .send()
        .await
        .expect(200);
    bench
        .client
        .get("/api/v1/products?cursor=after-2")
        .send()
        .await
        .expect(200);
    let asked = [(0, 10, ""), (20, 100, ""), (0, 10, "after-2")];
    let heard = bench.shop.heard("ListProducts");
    assert_eq!(heard.len(), asked.len());
    for (heard, (skip, limit, cursor)) in heard.iter().zip(asked) {
        heard.was(&ListProductsRequest {
            skip,
            limit,
            cursor: cursor.to_owned(),
        });
    }
}

#[tokio::test]
async fn products_are_found_by_words_category_and_price() {
    let bench = Bench::start().await;
    let path =
        "/api/v1/products/search?q=red+lamp&category=home&min_price=1&max_price=129.90&limit=5&cursor=c";
    let found = bench.client.get(path).send().await.expect(200);
    assert_eq!(found["results"][0]["id"], "prd_1");
    assert_eq!(found["next_cursor"], json!(null));
    bench.shop.only("SearchProducts").was(&SearchRequest {
        q: "red lamp".to_owned(),
        category: "home".to_owned(),
        min_price_minor_units: Some(100),
        max_price_minor_units: Some(12_990),
        cursor: "c".to_owned(),
        limit: 5,
    });
}

#[tokio::test]
async fn every_parameter_that_is_wrong_is_named() {
    let bench = Bench::start().await;
    let reply = bench
        .client
        .get("/api/v1/products?skip=-1&limit=101")
        .send()
        .await;
    assert_eq!((reply.status, &*reply.code()), (400, "invalid_request"));
    assert_eq!(reply.fields(), ["skip", "limit"]);
    let reply = bench
        .client
        .get("/api/v1/products/search?min_price=a&max_price=1.234")
        .send()
        .await;
    assert_eq!(reply.fields(), ["q", "min_price", "max_price"]);
    assert_eq!(bench.shop.all_heard(), [""; 0]);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let bench = Bench::start().await;
    bench.shop.fail(
        "GetProduct",
        Failure::new(Code::NotFound, "there is no such product"),
    );
    let reply = bench.client.get("/api/v1/products/prd_0").send().await;
    assert_eq!((reply.status, &*reply.code()), (404, "not_found"));
}

#[tokio::test]
async fn a_product_that_was_read_a_moment_ago_is_shown_again() {
    let bench = Bench::with(|options| options.catalogue_age = Duration::from_secs(600)).await;
    let get = async |id: &str| bench.client.get(&format!("/api/v1/products/{id}")).send().await;
    bench.shop.fail(
        "GetProduct",
        Failure::new(Code::NotFound, "there is no such product"),
    );
    assert_eq!(get("prd_1").await.status, 404);
    let read = get("prd_1").await;
    let again = get("prd_1").await;
    assert_eq!(read.expect(200), again.expect(200));
    assert_eq!(get("prd_2").await.expect(200)["id"], "prd_2");
    // A failure is not kept: it may be over.
    assert_eq!(bench.shop.heard("GetProduct").len(), 3);
}

#[tokio::test]
async fn a_fault_that_the_service_finds_is_told_by_the_name_of_the_parameter() {
    let bench = Bench::start().await;
    bench.shop.fail(
        "SearchProducts",
        Failure::field("max_price_minor_units", "less than the least price"),
    );
    let reply = bench
        .client
        .get("/api/v1/products/search?q=a&min_price=2&max_price=1")
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.fields()),
        (400, vec!["max_price".to_owned()])
    );
}
