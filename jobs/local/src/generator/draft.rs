//! An order as JSON text in the making, each field replaceable, so that anything wrong can be put in.

use weir_proto::Timestamp;
use weir_proto::order::Order;

/// The fields of an order as raw JSON.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) event_type: String,
    pub(crate) order_id: String,
    pub(crate) user_id: String,
    pub(crate) currency: String,
    pub(crate) total_amount: String,
    pub(crate) items: String,
    pub(crate) created_at: String,
}

impl Draft {
    /// The draft of a sound order.
    pub(crate) fn of(order: &Order) -> Self {
        let items: Vec<String> = order
            .items()
            .iter()
            .map(|item| {
                let (product, quantity, price) = (&item.product_id, item.quantity, item.unit_price);
                format!(r#"{{"product_id":"{product}","quantity":{quantity},"unit_price":"{price}"}}"#)
            })
            .collect();
        Self {
            event_type: quoted("order.created"),
            order_id: quoted(order.order_id()),
            user_id: quoted(order.user_id()),
            currency: quoted(order.currency()),
            total_amount: quoted(&order.total_amount().to_string()),
            items: format!("[{}]", items.join(",")),
            created_at: time(order.created_at()),
        }
    }

    /// The text, in the field order of the contract.
    pub(crate) fn text(&self) -> String {
        format!(
            r#"{{"event_type":{},"order_id":{},"user_id":{},"currency":{},"total_amount":{},"items":{},"created_at":{}}}"#,
            self.event_type,
            self.order_id,
            self.user_id,
            self.currency,
            self.total_amount,
            self.items,
            self.created_at,
        )
    }
}

/// A time as a JSON string.
pub(crate) fn time(at: Timestamp) -> String {
    quoted(&at.to_string())
}

/// Text that needs no escapes as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
