//! Pictures of products.

use std::sync::Arc;

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use service_common::failure::Failure;
use weir_rpc::product::v1::product_service_client::ProductServiceClient;
use weir_rpc::product::v1::{DeleteImageRequest, GetImageRequest, ImageResponse, PutImageRequest};

use super::products::ProductBody;
use super::{Content, Kind, Need, Parameter, Route};
use crate::answer::{Answer, nothing, ok};
use crate::gateway::Shared;
use crate::request::Inbound;

const PATH: &str = "/api/v1/products/{product_id}/image";

/// A picture under the address that names it never changes.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Under the other one it may.
const FOR_A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");
/// Whatever a picture holds, nothing of it is run, and it loads nothing.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

const VERSION: Parameter = Parameter {
    name: "v",
    need: Need::Optional,
    kind: Kind::Text,
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

/// Where the picture of this id is; none where the id is empty.
pub(super) fn address(product_id: &str, image_id: &str) -> Option<String> {
    let is_there = !image_id.is_empty();
    is_there.then(|| format!("/api/v1/products/{product_id}/image?v={image_id}"))
}

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let wanted = inbound.parameters(|parameters| parameters.text_or_none(VERSION.name))?;
    let message = GetImageRequest {
        product_id: (&inbound.id).into(),
        known_image_ids: inbound.known,
    };
    let answer = shared
        .products
        .call(inbound.repeat, message, |link, message| async move {
            ProductServiceClient::new(link).get_image(message).await
        });
    picture(answer.await?, wanted.as_deref())
}

fn picture(image: ImageResponse, wanted: Option<&str>) -> Answer {
    let value = |text: &str| HeaderValue::from_str(text).map_err(Failure::internal);
    let tag = value(&format!("\"{}\"", image.image_id))?;
    let kept = match wanted == Some(image.image_id.as_str()) {
        true => FOR_GOOD,
        false => FOR_A_MINUTE,
    };
    let mut answer: Response = match image.content {
        Some(content) => {
            let kind = value(&image.content_type)?;
            ([(header::CONTENT_TYPE, kind)], content).into_response()
        }
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    let headers = answer.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, kept);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    Ok(answer)
}

async fn put(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let product_id = String::from(&inbound.id);
    let message = PutImageRequest {
        product_id: product_id.clone(),
        content: inbound.body.into(),
    };
    let answer = shared
        .products
        .call(inbound.repeat, message, |link, message| async move {
            ProductServiceClient::new(link).put_image(message).await
        });
    let product = answer.await?;
    shared.catalogue.invalidate(&product_id).await;
    ok(ProductBody::try_from(product)?)
}

async fn delete(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let product_id = String::from(&inbound.id);
    let message = DeleteImageRequest {
        product_id: product_id.clone(),
    };
    let answer = shared
        .products
        .call(inbound.repeat, message, |link, message| async move {
            ProductServiceClient::new(link).delete_image(message).await
        });
    answer.await?;
    shared.catalogue.invalidate(&product_id).await;
    nothing()
}
