//! Writes orders into a buffer, field by field, in the layout that [`super::read`] is fastest at.

use super::CREATED;
use crate::json::push_string;
use crate::{Money, Timestamp, text};

/// An order being written: a head, one item or more, the time. Nothing is allocated but the growth of the buffer.
///
/// # Examples
/// ```
/// use weir_proto::order::{self, OrderWriter};
/// use weir_proto::{Money, Timestamp};
///
/// let mut value = Vec::new();
/// let mut writer = OrderWriter::new(&mut value, "o-1", "u-17", "USD", Money::parse("129.90")?);
/// writer.item("kb-1", 2, Money::parse("64.95")?);
/// writer.finish(Timestamp::FIRST);
/// assert!(matches!(order::read(&value), Ok(order::Event::Created(order)) if order.total_items == 2));
/// # Ok::<(), weir_proto::MoneyError>(())
/// ```
#[derive(Debug)]
#[must_use = "an order without its end is no JSON: call `finish`"]
pub struct OrderWriter<'a> {
    out: &'a mut Vec<u8>,
    separator: u8,
}

impl<'a> OrderWriter<'a> {
    /// Appends the fields before the items to `out`.
    ///
    /// The texts are written as they are, whether or not a reader would take them.
    pub fn new(
        out: &'a mut Vec<u8>,
        order_id: &str,
        user_id: &str,
        currency: &str,
        total_amount: Money,
    ) -> Self {
        out.extend_from_slice(b"{\"event_type\":\"");
        out.extend_from_slice(CREATED.as_bytes());
        out.extend_from_slice(b"\",\"order_id\":");
        push_string(out, order_id);
        out.extend_from_slice(b",\"user_id\":");
        push_string(out, user_id);
        out.extend_from_slice(b",\"currency\":");
        push_string(out, currency);
        out.extend_from_slice(b",\"total_amount\":\"");
        total_amount.write_to(out);
        out.extend_from_slice(b"\",\"items\":");
        Self { out, separator: b'[' }
    }

    /// Appends an item.
    pub fn item(&mut self, product_id: &str, quantity: i64, unit_price: Money) {
        self.out.push(self.separator);
        self.separator = b',';
        self.out.extend_from_slice(b"{\"product_id\":");
        push_string(self.out, product_id);
        self.out.extend_from_slice(b",\"quantity\":");
        if quantity < 0 {
            self.out.push(b'-');
        }
        text::push_decimal(self.out, quantity.unsigned_abs());
        self.out.extend_from_slice(b",\"unit_price\":\"");
        unit_price.write_to(self.out);
        self.out.extend_from_slice(b"\"}");
    }

    /// Appends the time and the end.
    pub fn finish(self, created_at: Timestamp) {
        if self.separator == b'[' {
            self.out.push(b'[');
        }
        self.out.extend_from_slice(b"],\"created_at\":\"");
        created_at.write_to(self.out);
        self.out.extend_from_slice(b"\"}");
    }
}
