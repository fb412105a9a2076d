//! Payments of the caller's orders.

use std::sync::Arc;

use axum::http::Method;
use serde::Serialize;
use service_common::failure::{Code, Failure};
use service_common::rest::answer::{created, money, ok, renamed, some, word};
use service_common::rest::{Answer, Inbound};
use weir_proto::Money;
use weir_rpc::common::v1 as common;
use weir_rpc::payment::v1::payment_service_client::PaymentServiceClient;
use weir_rpc::payment::v1::{
    PaymentRequest, PaymentResponse, PaymentStatus, PaymentStatusRequest, RefundRequest,
};

use super::{Content, Route};
use crate::gateway::Shared;

/// The states of a payment, as REST names them.
const STATUSES: [(&str, PaymentStatus); 9] = [
    ("processing", PaymentStatus::Processing),
    ("requires_action", PaymentStatus::RequiresAction),
    ("succeeded", PaymentStatus::Succeeded),
    ("declined", PaymentStatus::Declined),
    ("refused", PaymentStatus::Refused),
    ("unknown", PaymentStatus::Unknown),
    ("refund_pending", PaymentStatus::RefundPending),
    ("refunded", PaymentStatus::Refunded),
    ("refund_failed", PaymentStatus::RefundFailed),
];

/// What the service names otherwise.
const NAMES: [(&str, &str); 2] = [("amount.minor_units", "amount"), ("amount.currency", "currency")];

/// The names of all states.
pub(crate) fn status_words() -> Vec<&'static str> {
    STATUSES.iter().map(|(word, _)| *word).collect()
}

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
    ]
}

#[derive(Serialize)]
struct PaymentBody {
    id: String,
    payment_id: String,
    order_id: String,
    amount: Money,
    currency: String,
    status: &'static str,
    transaction_id: Option<String>,
    next_action: Option<String>,
}

impl TryFrom<PaymentResponse> for PaymentBody {
    type Error = Failure;

    fn try_from(payment: PaymentResponse) -> Result<Self, Failure> {
        let amount = payment
            .amount
            .ok_or_else(|| Failure::internal("a payment has no amount"))?;
        Ok(Self {
            id: payment.payment_id.clone(),
            payment_id: payment.payment_id,
            order_id: payment.order_id,
            amount: money(&amount)?,
            currency: amount.currency,
            status: word(&STATUSES, payment.status)?,
            transaction_id: some(payment.transaction_id),
            next_action: some(payment.next_action),
        })
    }
}

async fn create(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let (user_id, message) = inbound.json(|fields| {
        let user_id = fields.text_or_none("user_id");
        let message = PaymentRequest {
            order_id: fields.text("order_id"),
            amount: Some(common::Money {
                minor_units: fields.money("amount").minor(),
                currency: fields.currency_or("currency", &shared.options.currency),
            }),
            method: fields.text("method"),
            idempotency_key: inbound.key.clone().unwrap_or_default(),
        };
        (user_id, message)
    })?;
    inbound.is_of(user_id.as_deref())?;
    let answer = shared
        .payments
        .call(inbound.repeat, message, |link, message| async move {
            PaymentServiceClient::new(link).process_payment(message).await
        });
    let payment = answer.await.map_err(|failure| renamed(failure, &NAMES))?;
    let location = format!("/api/v1/payments/{}", payment.payment_id);
    created(&location, PaymentBody::try_from(payment)?)
}

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = PaymentStatusRequest {
        payment_id: (&inbound.id).into(),
    };
    let answer = shared
        .payments
        .call(inbound.repeat, message, |link, message| async move {
            PaymentServiceClient::new(link).get_payment_status(message).await
        });
    let payment = answer.await?;
    ok(PaymentBody::try_from(payment)?)
}

async fn refund(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = RefundRequest {
        payment_id: (&inbound.id).into(),
        idempotency_key: inbound.key.clone().unwrap_or_default(),
    };
    let answer = shared
        .payments
        .call(inbound.repeat, message, |link, message| async move {
            PaymentServiceClient::new(link).refund_payment(message).await
        });
    let payment = answer.await?;
    ok(PaymentBody::try_from(payment)?)
}
