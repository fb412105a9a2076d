//! A record of the orders topic to what the windows need of it.

use weir_dataflow::fingerprint::Fingerprint;
use weir_dataflow::source::{Decoded, DecodedOrder, Entry};
use weir_proto::OrderError;
use weir_proto::order::{Event, read};

/// Reads the value as an order in the job's currency.
#[inline]
pub(crate) fn decode(entry: &Entry<'_>, currency: &str) -> Decoded {
    let Some(value) = entry.value else {
        return Decoded::Invalid(OrderError::no_value().to_string());
    };
    match read(value) {
        Ok(Event::Created(order)) if order.currency == currency => Decoded::Order(DecodedOrder {
            order: Fingerprint::of(order.order_id.as_bytes()),
            user: Fingerprint::of(order.user_id.as_bytes()),
            event_ms: order.created_at.millis(),
            cents: order.total_amount.minor(),
            items: order.total_items,
        }),
        Ok(Event::Created(order)) => Decoded::Invalid(order.other_currency(currency).to_string()),
        Ok(Event::Ignored) => Decoded::Ignored,
        Err(error) => Decoded::Invalid(error.to_string()),
    }
}
