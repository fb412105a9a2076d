//! Failures as `application/problem+json` (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Failure;
use crate::context::Context;

/// The body of an answer that is a failure.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemField>,
}

#[derive(Debug, Serialize)]
struct ProblemField {
    field: String,
    fault: String,
}

impl Failure {
    /// The answer to an HTTP request that has this id.
    #[must_use]
    pub fn into_http(self, request_id: Option<&str>) -> Response {
        let status = self.code.http();
        let problem = Problem {
            kind: format!("/docs/errors#{}", self.code.as_str()),
            title: status.canonical_reason().unwrap_or("failed"),
            status: status.as_u16(),
            code: self.code.as_str(),
            detail: self.detail,
            request_id: request_id.map(str::to_owned),
            errors: self
                .fields
                .into_iter()
                .map(|fault| ProblemField {
                    field: fault.field,
                    fault: fault.fault,
                })
                .collect(),
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(delay) = self.retry_after {
            let seconds = delay.as_millis().div_ceil(1_000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                headers.insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}

/// The answer to the request that is being worked on here.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let context = Context::current();
        self.into_http(context.as_ref().map(|context| &*context.request_id))
    }
}
