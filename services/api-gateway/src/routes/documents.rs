//! The OpenAPI document, the page that shows it, and the list of failures.

use std::sync::{Arc, LazyLock};

use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use service_common::failure::Code;
use service_common::rest::{Answer, Inbound};

use super::{Content, Route};
use crate::gateway::Shared;
use crate::openapi;

const PAGE: &str = include_str!("documents/docs.html");

/// Nothing of other places, neither to load nor to be shown in.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);

static DOCUMENT: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());
static ERRORS: LazyLock<String> = LazyLock::new(list_of_codes);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/openapi.json", document)
            .open()
            .summary("This document")
            .answers(200, Content::Json("OpenApi")),
        Route::new(Method::GET, "/docs", page)
            .open()
            .summary("A page that shows this document")
            .answers(200, Content::Html),
        Route::new(Method::GET, "/docs/errors", errors)
            .open()
            .summary("What the codes of failures mean")
            .answers(200, Content::Html),
    ]
}

async fn document(_shared: Arc<Shared>, _inbound: Inbound) -> Answer {
    Ok(of_type("application/json", &DOCUMENT))
}

async fn page(_shared: Arc<Shared>, _inbound: Inbound) -> Answer {
    Ok(html(PAGE))
}

async fn errors(_shared: Arc<Shared>, _inbound: Inbound) -> Answer {
    Ok(html(&ERRORS))
}

fn html(text: &'static str) -> Response {
    let mut answer = of_type("text/html; charset=utf-8", text);
    answer
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, POLICY);
    answer
}

fn of_type(kind: &'static str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, kind)];
    (headers, text).into_response()
}

fn list_of_codes() -> String {
    let rows: String = Code::ALL.iter().map(|code| row(*code)).collect();
    include_str!("documents/errors.html").replace("<!-- rows -->", &rows)
}

fn row(code: Code) -> String {
    let (text, status) = (code.as_str(), code.http());
    // Neither has characters that mean something to HTML.
    format!(
        "<tr id=\"{text}\"><td><code>{text}</code></td><td>{}</td><td>{}</td></tr>\n",
        status.as_u16(),
        code.explanation()
    )
}
