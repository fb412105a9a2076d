//! Invoices and credit notes.

use std::sync::Arc;

use axum::http::Method;
use service_common::failure::Code;
use service_common::rest::{Answer, Inbound, documents};
use weir_rpc::order::v1::order_service_client::OrderServiceClient;

use super::{Content, Route};
use crate::gateway::Shared;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/api/v1/orders/{order_id}/document", get)
            .summary("The invoice of a paid order, or the credit note of one that was cancelled after that")
            .answers(200, Content::Document)
            .may_fail(&[Code::OrderState]),
    ]
}

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = documents::get(&inbound);
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).get_document(message).await
        });
    documents::document(answer.await?)
}
