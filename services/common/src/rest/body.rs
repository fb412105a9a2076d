//! The body of a request: of the kind that the route takes, small, and not slow.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::boxed::Boxed;
use crate::failure::{Code, Failure};

/// What kind of body a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// JSON.
    Json,
    /// The file of a picture: PNG or JPEG.
    Picture,
}

impl Media {
    fn is_that_of(self, headers: &HeaderMap) -> bool {
        match self {
            Media::Json => is_json(headers),
            Media::Picture => matches!(&*media(headers), "image/png" | "image/jpeg"),
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Media::Json => "send `Content-Type: application/json`",
            Media::Picture => "send `Content-Type: image/png` or `image/jpeg`",
        }
    }
}

/// Reads a body that says it is of this kind.
///
/// # Errors
/// It is something else, or too large, or takes longer than `patience`.
pub fn read(
    headers: &HeaderMap,
    body: Body,
    wanted: Media,
    largest: usize,
    patience: Duration,
) -> Boxed<'_, Result<Bytes, Failure>> {
    Box::pin(async move {
        if !wanted.is_that_of(headers) {
            return Err(Failure::new(Code::UnsupportedMediaType, wanted.wanted()));
        }
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Failure::new(
                Code::UnsupportedMediaType,
                "send the body without a content encoding",
            ));
        }
        if body.size_hint().lower() > largest as u64 {
            return Err(too_large(largest));
        }
        let slow = |_| Failure::new(Code::TooSlow, "the body did not arrive in time");
        tokio::time::timeout(patience, gather(body, largest))
            .await
            .map_err(slow)?
    })
}

async fn gather(body: Body, largest: usize) -> Result<Bytes, Failure> {
    let mut chunks = body.into_data_stream();
    let mut gathered = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Failure::new(Code::Malformed, "the body cannot be read to its end"))?;
        if gathered.len() + chunk.len() > largest {
            return Err(too_large(largest));
        }
        gathered.extend_from_slice(&chunk);
    }
    Ok(gathered.freeze())
}

fn too_large(largest: usize) -> Failure {
    Failure::new(Code::TooLarge, format!("the body has more than {largest} bytes"))
}

/// `application/json`, or a kind of it: `application/merge-patch+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let media = media(headers);
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

/// The type that a body says it is of, without its parameters; empty where it says none.
fn media(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = value.split(';').next().unwrap_or_default();
    media.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_json_is_json() {
        let is = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            is_json(&headers)
        };
        for value in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/x+json",
        ] {
            assert!(is(value), "{value}");
        }
        for value in [
            "",
            "text/plain",
            "text/json",
            "application/jsonp",
            "application/xml; x=+json",
            "json",
        ] {
            assert!(!is(value), "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
