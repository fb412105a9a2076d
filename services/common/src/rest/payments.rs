//! Payments in REST.

use serde::Serialize;
use weir_proto::Money;
use weir_rpc::common::v1 as common;
use weir_rpc::payment::v1 as rpc;
use weir_rpc::payment::v1::PaymentStatus;

use super::answer::{created, money, ok, renamed, some, word};
use super::{Answer, Inbound};
use crate::failure::{Code, Failure};

/// Where Stripe tells of payments.
pub const WEBHOOK: &str = "/api/v1/webhooks/stripe";
/// The largest webhook, in bytes.
pub const LARGEST_WEBHOOK: usize = 256 * 1024;

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
#[must_use]
pub fn status_words() -> Vec<&'static str> {
    STATUSES.iter().map(|(word, _)| *word).collect()
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

impl TryFrom<rpc::PaymentResponse> for PaymentBody {
    type Error = Failure;

    fn try_from(payment: rpc::PaymentResponse) -> Result<Self, Failure> {
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

/// Pays an order of the caller; an amount without a currency is in this one.
///
/// # Errors
/// Each field that is wrong; `user_mismatch`.
pub fn create(inbound: &Inbound, currency: &str) -> Result<rpc::PaymentRequest, Failure> {
    let (user_id, message) = inbound.json(|fields| {
        let user_id = fields.text_or_none("user_id");
        let message = rpc::PaymentRequest {
            order_id: fields.text("order_id"),
            amount: Some(common::Money {
                minor_units: fields.money("amount").minor(),
                currency: fields.currency_or("currency", currency),
            }),
            method: fields.text("method"),
            idempotency_key: inbound.key.clone().unwrap_or_default(),
        };
        (user_id, message)
    })?;
    inbound.is_of(user_id.as_deref())?;
    Ok(message)
}

/// The payment that was made, and where it is; or why not, by the names of REST.
///
/// # Errors
/// The failure.
pub fn made(answer: Result<rpc::PaymentResponse, Failure>) -> Answer {
    let payment = answer.map_err(|failure| renamed(failure, &NAMES))?;
    let location = format!("/api/v1/payments/{}", payment.payment_id);
    created(&location, PaymentBody::try_from(payment)?)
}

/// Asks for a payment.
#[must_use]
pub fn get(inbound: &Inbound) -> rpc::PaymentStatusRequest {
    rpc::PaymentStatusRequest {
        payment_id: (&inbound.id).into(),
    }
}

/// Gives a payment back.
#[must_use]
pub fn refund(inbound: &Inbound) -> rpc::RefundRequest {
    rpc::RefundRequest {
        payment_id: (&inbound.id).into(),
        idempotency_key: inbound.key.clone().unwrap_or_default(),
    }
}

/// What the provider tells: the body as it came, and its signature.
///
/// # Errors
/// `signature_invalid` where it has none.
pub fn webhook(inbound: &Inbound) -> Result<rpc::WebhookRequest, Failure> {
    let missing = || Failure::new(Code::SignatureInvalid, "the header Stripe-Signature is missing");
    Ok(rpc::WebhookRequest {
        payload: inbound.body.to_vec(),
        signature: inbound.signature.clone().ok_or_else(missing)?,
    })
}

/// A webhook was taken in.
///
/// # Errors
/// None.
pub fn received(_: rpc::WebhookResponse) -> Answer {
    ok(serde_json::json!({"received": true}))
}

/// A payment.
///
/// # Errors
/// The service sent what is none: a fault of ours.
pub fn payment(payment: rpc::PaymentResponse) -> Answer {
    ok(PaymentBody::try_from(payment)?)
}
