//! Payments of the caller's orders.

use std::sync::Arc;

use axum::http::Method;
use service_common::failure::Code;
use service_common::rest::{Answer, Inbound, Repeat, payments};
use weir_rpc::payment::v1::payment_service_client::PaymentServiceClient;

use super::{Content, Route};
use crate::gateway::Shared;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/api/v1/payments", create)
            .patient()
            .keyed()
            .takes("NewPayment")
            .summary("Pays an order")
            .answers(201, Content::Json("Payment"))
            .may_fail(&[
                Code::UserMismatch,
                Code::NotFound,
                Code::OrderState,
                Code::PaymentLive,
                Code::AmountMismatch,
                Code::Contended,
            ]),
        Route::new(Method::GET, "/api/v1/payments/{payment_id}", get)
            .summary("A payment")
            .answers(200, Content::Json("Payment")),
        Route::new(Method::POST, "/api/v1/payments/{payment_id}/refund", refund)
            .patient()
            .keyed()
            .summary("Gives a whole payment back and cancels its order; for admins")
            .answers(200, Content::Json("Payment"))
            .may_fail(&[Code::PaymentState, Code::Contended]),
        Route::new(Method::POST, payments::WEBHOOK, webhook)
            .open()
            .takes_a_webhook()
            .summary("An event of Stripe, known by its signature; not found where webhooks are not set up")
            .answers(200, Content::Json("Received"))
            .may_fail(&[Code::NotFound, Code::SignatureInvalid]),
    ]
}

async fn create(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = payments::create(&inbound, &shared.options.currency)?;
    let answer = shared
        .payments
        .call(inbound.repeat, message, |link, message| async move {
            PaymentServiceClient::new(link).process_payment(message).await
        });
    payments::made(answer.await)
}

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = payments::get(&inbound);
    let answer = shared
        .payments
        .call(inbound.repeat, message, |link, message| async move {
            PaymentServiceClient::new(link).get_payment_status(message).await
        });
    payments::payment(answer.await?)
}

async fn refund(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = payments::refund(&inbound);
    let answer = shared
        .payments
        .call(inbound.repeat, message, |link, message| async move {
            PaymentServiceClient::new(link).refund_payment(message).await
        });
    payments::payment(answer.await?)
}

async fn webhook(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = payments::webhook(&inbound)?;
    // Taken in twice it is the same.
    let received = shared
        .payments
        .call(Repeat::Safe, message, |link, message| async move {
            PaymentServiceClient::new(link).handle_webhook(message).await
        });
    payments::received(received.await?)
}
