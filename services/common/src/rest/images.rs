//! Pictures of products in REST.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use weir_rpc::product::v1 as rpc;

use super::{Answer, Inbound};
use crate::failure::Failure;

/// The largest file of a picture, in bytes.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// The parameter that says which picture is meant.
pub const VERSION: &str = "v";

/// A picture under the address that names it never changes.
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Under the other one it may.
const FOR_A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");
/// Whatever a picture holds, nothing of it is run, and it loads nothing.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Where the picture of this id is; none where the id is empty.
#[must_use]
pub fn address(product_id: &str, image_id: &str) -> Option<String> {
    let is_there = !image_id.is_empty();
    is_there.then(|| format!("/api/v1/products/{product_id}/image?{VERSION}={image_id}"))
}

/// Asks for a picture, and which one is meant.
///
/// # Errors
/// The parameter is wrong.
pub fn get(inbound: &Inbound) -> Result<(rpc::GetImageRequest, Option<String>), Failure> {
    let wanted = inbound.parameters(|parameters| parameters.id_or_none(VERSION))?;
    let message = rpc::GetImageRequest {
        product_id: (&inbound.id).into(),
        known_image_ids: inbound.known.clone(),
    };
    Ok((message, wanted))
}

/// The picture, or that the client has it; for how long it may be kept depends on whether it is the one that was meant.
///
/// # Errors
/// The service sent what cannot be told: a fault of ours.
pub fn picture(image: rpc::ImageResponse, wanted: Option<&str>) -> Answer {
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

/// Gives a product a picture.
#[must_use]
pub fn put(inbound: &Inbound) -> rpc::PutImageRequest {
    rpc::PutImageRequest {
        product_id: (&inbound.id).into(),
        content: inbound.body.to_vec(),
    }
}

/// Takes a product's picture away.
#[must_use]
pub fn delete(inbound: &Inbound) -> rpc::DeleteImageRequest {
    rpc::DeleteImageRequest {
        product_id: (&inbound.id).into(),
    }
}
