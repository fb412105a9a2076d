//! Pictures of products.

use std::sync::Arc;

use axum::http::Method;
use service_common::rest::answer::{json, nothing};
use service_common::rest::{Answer, Inbound, images, products};
use weir_rpc::product::v1::product_service_client::ProductServiceClient;

use super::{Content, Kind, Need, Parameter, Route};
use crate::gateway::Shared;

const PATH: &str = "/api/v1/products/{product_id}/image";

const VERSION: Parameter = Parameter {
    name: images::VERSION,
    need: Need::Optional,
    kind: Kind::Id,
    about: "Which picture is meant, as `image_url` says: then the answer may be kept for good",
};

pub(super) fn routes() -> Vec<Route> {
    const GET: &[Parameter] = &[VERSION];
    vec![
        Route::new(Method::GET, PATH, get)
            .open()
            .asks(GET)
            .summary("A product's picture")
            .answers(200, Content::Picture),
        Route::new(Method::PUT, PATH, put)
            .trusted()
            .patient()
            .takes_a_picture()
            .summary("Makes a picture of a PNG or JPEG file and gives it to a product")
            .answers(200, Content::Json("Product")),
        Route::new(Method::DELETE, PATH, delete)
            .trusted()
            .summary("Takes a product's picture away")
            .answers(204, Content::Nothing),
    ]
}

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let (message, wanted) = images::get(&inbound)?;
    let answer = shared
        .products
        .call(inbound.repeat, message, |link, message| async move {
            ProductServiceClient::new(link).get_image(message).await
        });
    images::picture(answer.await?, wanted.as_deref())
}

async fn put(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let answer = shared.products.call(
        inbound.repeat,
        images::put(&inbound),
        |link, message| async move { ProductServiceClient::new(link).put_image(message).await },
    );
    let product = answer.await?;
    shared.catalogue.invalidate(&product.id).await;
    Ok(json(products::product(product)?))
}

async fn delete(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let answer = shared.products.call(
        inbound.repeat,
        images::delete(&inbound),
        |link, message| async move { ProductServiceClient::new(link).delete_image(message).await },
    );
    shared.catalogue.invalidate(&answer.await?.id).await;
    nothing()
}
