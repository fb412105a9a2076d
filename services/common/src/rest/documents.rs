//! Invoices and credit notes in REST.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use weir_rpc::order::v1 as rpc;

use super::{Answer, Inbound};
use crate::failure::Failure;

/// A page of its own style, and nothing else: no script, no form, no other place, and no part of our origin.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
);

/// Asks for the document of an order.
#[must_use]
pub fn get(inbound: &Inbound) -> rpc::GetDocumentRequest {
    rpc::GetDocumentRequest {
        order_id: (&inbound.id).into(),
    }
}

/// A document, as a page that can do nothing.
///
/// # Errors
/// The service sent what cannot be told: a fault of ours.
pub fn document(document: rpc::DocumentResponse) -> Answer {
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
