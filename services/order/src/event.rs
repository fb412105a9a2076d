//! The events of an order, as they are published.

use serde_json::json;
use service_common::failure::Failure;
use service_common::outbox::Event;
use weir_proto::{Item, Money, Timestamp};

use crate::order::{CancelReason, Change, Order};

/// `ce_source`.
const SOURCE: &str = "/order-service";

/// The event that tells of a change that was just made.
///
/// # Errors
/// The order cannot be written as an event: a fault of ours.
pub(crate) fn event(topic: &str, order: &Order, change: Change) -> Result<Event, Failure> {
    let at_ms = order.created_at_ms.and_then(Timestamp::from_millis);
    let (Some(created_at), Some(total)) = (at_ms, order.total) else {
        return Err(Failure::internal(format!("order {} was never taken", order.id)));
    };
    let items = order.lines.iter().map(|line| Item {
        product_id: line.product_id.clone(),
        quantity: i64::from(line.quantity),
        unit_price: line.unit_price.unwrap_or_default(),
    });
    let items: Vec<Item> = items.collect();
    let payload = match change {
        Change::Created => created(order, total, items, created_at)?,
        _ => later(order, change, total, &items, created_at),
    };
    Ok(Event::new(
        topic,
        &order.id,
        order.version,
        change.event_type(),
        SOURCE,
        payload,
        order.updated_at_ms,
    ))
}

/// The event that the windows count: judged by their own reader before it is written.
fn created(order: &Order, total: Money, items: Vec<Item>, created_at: Timestamp) -> Result<String, Failure> {
    let event = weir_proto::Order::new(
        order.id.clone(),
        order.user_id.clone(),
        order.currency.clone(),
        total,
        items,
        created_at,
    );
    let bytes = event.map_err(Failure::internal)?.to_json();
    String::from_utf8(bytes).map_err(Failure::internal)
}

/// An event of what came later: the same envelope, which the windows ignore by its type.
fn later(order: &Order, change: Change, total: Money, items: &[Item], created_at: Timestamp) -> String {
    let items: Vec<_> = items
        .iter()
        .map(|item| {
            json!({
                "product_id": item.product_id,
                "quantity": item.quantity,
                "unit_price": item.unit_price.to_string(),
            })
        })
        .collect();
    json!({
        "event_type": change.event_type(),
        "order_id": order.id,
        "user_id": order.user_id,
        "currency": order.currency,
        "total_amount": total.to_string(),
        "items": items,
        "created_at": created_at.to_string(),
        "version": order.version,
        "payment_id": order.payment_id,
        "reason": order.cancel_reason.map(CancelReason::as_str),
    })
    .to_string()
}
