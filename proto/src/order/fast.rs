//! The speculative reader: the layout of [`super::OrderWriter`] and nothing else.
//!
//! It knows no errors. Whatever is not exactly as our own writer puts it (another order of fields, white space, an
//! escape, an amount as a number, a quantity of zero) is left to the careful reader, which decides. What is read here
//! the careful reader would read to the same order: tests hold the two together.

use std::borrow::Cow;
use std::ops::Range;

use super::{MAX_ITEMS, OrderView};
use crate::field::MAX_TEXT_BYTES;
use crate::{Money, Timestamp, json};

/// More digits than this are left to the careful reader, so that no sum here can overflow.
const MAX_DIGITS: usize = 15;

/// Reads an order if it has our own layout.
pub(super) fn read(value: &[u8]) -> Option<OrderView<'_>> {
    let mut cursor = Cursor { bytes: value, at: 0 };
    cursor.literal(b"{\"event_type\":\"order.created\",\"order_id\":\"")?;
    let order_id = cursor.id()?;
    cursor.literal(b"\",\"user_id\":\"")?;
    let user_id = cursor.id()?;
    cursor.literal(b"\",\"currency\":\"")?;
    let currency = cursor.currency()?;
    cursor.literal(b"\",\"total_amount\":\"")?;
    let total_amount = cursor.money()?;
    cursor.literal(b"\",\"items\":[{\"product_id\":\"")?;
    let mut total_items = 0;
    loop {
        cursor.id()?;
        cursor.literal(b"\",\"quantity\":")?;
        total_items += cursor.quantity()?;
        cursor.literal(b",\"unit_price\":\"")?;
        cursor.money()?;
        if cursor.literal(b"\"},{\"product_id\":\"").is_none() {
            break;
        }
    }
    cursor.literal(b"\"}],\"created_at\":\"")?;
    let created_at = cursor.time()?;
    cursor.literal(b"\"}")?;
    if cursor.at != value.len() || total_items > MAX_ITEMS {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?;
    Some(OrderView {
        order_id: Cow::Borrowed(text.get(order_id)?),
        user_id: Cow::Borrowed(text.get(user_id)?),
        currency_offset: currency.start - 1,
        currency: Cow::Borrowed(text.get(currency)?),
        total_amount,
        total_items,
        created_at,
    })
}

/// A place in the value; each step moves behind what it reads, or gives up.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    #[inline]
    fn literal<const LENGTH: usize>(&mut self, literal: &[u8; LENGTH]) -> Option<()> {
        if self.rest().first_chunk::<LENGTH>()? != literal {
            return None;
        }
        self.at += LENGTH;
        Some(())
    }

    /// The content of a string without escapes, up to its closing quote.
    #[inline]
    fn id(&mut self) -> Option<Range<usize>> {
        let length = json::plain_bytes(self.rest());
        let start = self.at;
        self.at += length;
        (1..=MAX_TEXT_BYTES).contains(&length).then_some(start..self.at)
    }

    #[inline]
    fn currency(&mut self) -> Option<Range<usize>> {
        let code = self.rest().first_chunk::<3>()?;
        if !code.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
        let start = self.at;
        self.at += code.len();
        Some(start..self.at)
    }

    /// A number of up to [`MAX_DIGITS`] digits without a leading zero, or zero itself.
    #[inline]
    fn number(&mut self) -> Option<i64> {
        let mut number = 0;
        let mut length = 0;
        let rest = self.rest();
        while let Some(digit) = rest
            .get(length)
            .map(|byte| byte.wrapping_sub(b'0'))
            .filter(|digit| *digit < 10)
        {
            number = number * 10 + i64::from(digit);
            length += 1;
            if length > MAX_DIGITS {
                return None;
            }
        }
        let first = *rest.first()?;
        self.at += length;
        (length == 1 || (length > 1 && first != b'0')).then_some(number)
    }

    /// An amount with two decimals.
    #[inline]
    fn money(&mut self) -> Option<Money> {
        let whole = self.number()?;
        let &[point, tens, ones] = self.rest().first_chunk::<3>()?;
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        if point != b'.' || tens > 9 || ones > 9 {
            return None;
        }
        self.at += 3;
        Money::from_minor(whole * 100 + i64::from(tens * 10 + ones))
    }

    /// A quantity, kept so small that no list of items that fits a record can overflow the sum.
    #[inline]
    fn quantity(&mut self) -> Option<i64> {
        self.number()
            .filter(|quantity| (1..=MAX_ITEMS).contains(quantity))
    }

    #[inline]
    fn time(&mut self) -> Option<Timestamp> {
        let (time, length) = Timestamp::read_own(self.rest())?;
        self.at += length;
        (time <= Timestamp::LAST_EVENT).then_some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::OrderWriter;

    /// That both readers agree is tested from outside; that this one is used at all can only be seen here.
    #[test]
    fn what_our_writer_writes_is_taken() {
        for millis in [
            0,
            1_795_401_360_000,
            1_795_401_360_123,
            Timestamp::LAST_EVENT.millis(),
        ] {
            for minor in [0, 5, 100, 99_999_999_999] {
                let amount = Money::from_minor(minor).unwrap();
                let mut value = Vec::new();
                let mut writer =
                    OrderWriter::new(&mut value, "o-1", "Zo\u{eb} of Z\u{fc}rich", "USD", amount);
                writer.item("kb-1", 1, amount);
                writer.item("m-2", MAX_ITEMS - 1, amount);
                writer.finish(Timestamp::from_millis(millis).unwrap());
                let order = read(&value).unwrap();
                assert_eq!((order.created_at.millis(), order.total_amount), (millis, amount));
                assert_eq!(
                    (order.user_id.as_ref(), order.total_items),
                    ("Zo\u{eb} of Z\u{fc}rich", MAX_ITEMS)
                );
            }
        }
    }
}
