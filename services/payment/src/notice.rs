//! What users are told of their payments, as it is published.

use serde_json::json;
use service_common::outbox::Event;
use weir_proto::Timestamp;

use crate::payment::{Payment, Status};

/// `ce_source`.
const SOURCE: &str = "/payment-service";

/// What the user is told of a change of status, if anything.
pub(crate) fn notice(topic: &str, payment: &Payment) -> Option<Event> {
    let template = match payment.status {
        Status::Succeeded => "receipt",
        Status::Refunded => "refund",
        _ => return None,
    };
    let price = &payment.purpose.price;
    let at_ms = payment.updated_at_ms;
    let payload = json!({
        // Each payment has at most one of each.
        "notification_id": format!("{template}_{}", payment.id),
        "user_id": payment.purpose.user_id,
        "template": template,
        "data": {
            "payment_id": payment.id,
            "order_id": payment.purpose.order_id,
            "amount": price.amount.to_string(),
            "currency": price.currency,
        },
        "created_at": Timestamp::from_millis(at_ms).map(|at| at.to_string()),
    });
    Some(Event::new(
        topic,
        &payment.purpose.user_id,
        // Several payments are one user's: their moments are what they have in common.
        at_ms,
        &format!("notification.{template}"),
        SOURCE,
        payload.to_string(),
        at_ms,
    ))
}
