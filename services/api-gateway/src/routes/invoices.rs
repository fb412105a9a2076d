//! Invoices and credit notes.

use std::sync::Arc;

use axum::http::{HeaderValue, Method, header};
use axum::response::IntoResponse;
use service_common::failure::{Code, Failure};
use weir_rpc::order::v1::GetDocumentRequest;
use weir_rpc::order::v1::order_service_client::OrderServiceClient;

use super::{Content, Route};
use crate::answer::Answer;
use crate::gateway::Shared;
use crate::request::Inbound;

/// A page of its own style, and nothing else: no script, no form, no other place, and no part of our origin.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/api/v1/orders/{order_id}/document", get)
            .summary("The invoice of a paid order, or the credit note of one that was cancelled after that")
            .answers(200, Content::Document)
            .may_fail(&[Code::OrderState]),
    ]
}

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = GetDocumentRequest {
        order_id: (&inbound.id).into(),
    };
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).get_document(message).await
        });
    let document = answer.await?;
    let value = |text: &str| HeaderValue::from_str(text).map_err(Failure::internal);
    let headers = [
        (header::CONTENT_TYPE, value(&document.content_type)?),
        (
            header::CONTENT_DISPOSITION,
            value(&format!("inline; filename=\"{}\"", document.name))?,
        ),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    Ok((headers, document.content).into_response())
}
