//! The speculative reader: the layout of [`super::OrderWriter`], with or without a blank after each comma and colon (as
//! Python's `json.dumps` writes), and nothing else.
//!
//! It knows no errors. Whatever is not exactly so (another order of fields, other white space, an escape, an amount as a
//! number, a quantity of zero) is left to the careful reader, which decides. What is read here the careful reader would
//! read to the same order: tests hold the two together.

use std::borrow::Cow;
use std::ops::Range;

use super::{MAX_ITEMS, OrderView};
use crate::field::MAX_TEXT_BYTES;
use crate::{Money, Timestamp, json};

/// What stands between the values of an order.
trait Layout {
    const TO_ORDER_ID: &'static [u8];
    const TO_USER_ID: &'static [u8];
    const TO_CURRENCY: &'static [u8];
    const TO_TOTAL_AMOUNT: &'static [u8];
    const TO_FIRST_ITEM: &'static [u8];
    const TO_QUANTITY: &'static [u8];
    const TO_UNIT_PRICE: &'static [u8];
    const TO_NEXT_ITEM: &'static [u8];
    const TO_CREATED_AT: &'static [u8];
}

macro_rules! layout {
    ($(#[$attribute:meta])* $Name:ident, $blank:literal) => {
        $(#[$attribute])*
        struct $Name;

        impl Layout for $Name {
            const TO_ORDER_ID: &'static [u8] = concat!(
                r#"{"event_type":"#, $blank, r#""order.created","#, $blank, r#""order_id":"#, $blank, '"'
            ).as_bytes();
            const TO_USER_ID: &'static [u8] = concat!(r#"","#, $blank, r#""user_id":"#, $blank, '"').as_bytes();
            const TO_CURRENCY: &'static [u8] = concat!(r#"","#, $blank, r#""currency":"#, $blank, '"').as_bytes();
            const TO_TOTAL_AMOUNT: &'static [u8] =
                concat!(r#"","#, $blank, r#""total_amount":"#, $blank, '"').as_bytes();
            const TO_FIRST_ITEM: &'static [u8] =
                concat!(r#"","#, $blank, r#""items":"#, $blank, r#"[{"product_id":"#, $blank, '"').as_bytes();
            const TO_QUANTITY: &'static [u8] = concat!(r#"","#, $blank, r#""quantity":"#, $blank).as_bytes();
            const TO_UNIT_PRICE: &'static [u8] = concat!(',', $blank, r#""unit_price":"#, $blank, '"').as_bytes();
            const TO_NEXT_ITEM: &'static [u8] =
                concat!(r#""},"#, $blank, r#"{"product_id":"#, $blank, '"').as_bytes();
            const TO_CREATED_AT: &'static [u8] =
                concat!(r#""}],"#, $blank, r#""created_at":"#, $blank, '"').as_bytes();
        }
    };
}

layout!(
    /// That of our own writer.
    Compact,
    ""
);
layout!(
    /// A blank after each comma and colon.
    Spaced,
    " "
);

/// Reads an order if it has one of the layouts known here.
#[inline]
pub(super) fn read(value: &[u8]) -> Option<OrderView<'_>> {
    const AFTER_FIRST_COLON: usize = r#"{"event_type":"#.len();
    match value.get(AFTER_FIRST_COLON)? {
        b'"' => read_as::<Compact>(value),
        b' ' => read_as::<Spaced>(value),
        _ => None,
    }
}

fn read_as<L: Layout>(value: &[u8]) -> Option<OrderView<'_>> {
    let mut cursor = Cursor {
        bytes: value,
        at: 0,
        beyond_ascii: false,
    };
    cursor.literal(L::TO_ORDER_ID)?;
    let order_id = cursor.id()?;
    cursor.literal(L::TO_USER_ID)?;
    let user_id = cursor.id()?;
    cursor.literal(L::TO_CURRENCY)?;
    let currency = cursor.currency()?;
    cursor.literal(L::TO_TOTAL_AMOUNT)?;
    let total_amount = cursor.money()?;
    cursor.literal(L::TO_FIRST_ITEM)?;
    let mut total_items = 0;
    loop {
        cursor.id()?;
        cursor.literal(L::TO_QUANTITY)?;
        total_items += cursor.quantity()?;
        cursor.literal(L::TO_UNIT_PRICE)?;
        cursor.money()?;
        if cursor.literal(L::TO_NEXT_ITEM).is_none() {
            break;
        }
    }
    cursor.literal(L::TO_CREATED_AT)?;
    let created_at = cursor.time()?;
    cursor.literal(b"\"}")?;
    if cursor.at != value.len() || total_items > MAX_ITEMS {
        return None;
    }
    // Only ids may hold bytes beyond ASCII. Where none does, what is borrowed from is all that has to be judged.
    let judged = if cursor.beyond_ascii {
        value
    } else {
        &value[..currency.end]
    };
    let text = std::str::from_utf8(judged).ok()?;
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
    /// An id has held a byte of 0x80 or more.
    beyond_ascii: bool,
}

impl Cursor<'_> {
    #[inline]
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    #[inline]
    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        if !self.rest().starts_with(literal) {
            return None;
        }
        self.at += literal.len();
        Some(())
    }

    /// The content of a string without escapes, up to its closing quote.
    #[inline]
    fn id(&mut self) -> Option<Range<usize>> {
        let rest = self.rest();
        let mut length = json::plain_ascii_bytes(rest);
        if rest.get(length).is_some_and(|byte| !byte.is_ascii()) {
            length += json::plain_bytes(&rest[length..]);
            self.beyond_ascii = true;
        }
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

    /// A number of one to seven digits without a leading zero, or zero itself; longer ones are left to the careful reader.
    ///
    /// No sum of such numbers can overflow here, and the eight bytes that begin with one are looked at together.
    #[inline]
    fn number(&mut self) -> Option<i64> {
        const ZEROS: u64 = 0x3030_3030_3030_3030;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let digits = u64::from_le_bytes(*self.rest().first_chunk::<8>()?) ^ ZEROS;
        // 0x76 lifts a byte above nine to 0x80 or more. A carry into the next byte needs a byte that is marked itself.
        let others = (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & HIGH;
        let bits = others.trailing_zeros() & !7;
        if bits == 0 || bits == u64::BITS || (bits > 8 && digits & 0xFF == 0) {
            return None;
        }
        self.at += bits as usize / 8;
        // The digits move to the upper end: zeros stand before them, and what followed them is gone. Then pairs of
        // digits, pairs of pairs and both halves are each joined by a multiplication.
        let digits = digits << (u64::BITS - bits);
        let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
        let outer = (pairs & 0x0000_00FF_0000_00FF).wrapping_mul((1_000_000 << 32) + 100);
        let inner = (pairs >> 16 & 0x0000_00FF_0000_00FF).wrapping_mul((10_000 << 32) + 1);
        Some((outer.wrapping_add(inner) >> 32) as i64)
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
    fn what_our_writer_and_python_write_is_taken() {
        for millis in [
            0,
            1_795_401_360_000,
            1_795_401_360_123,
            Timestamp::LAST_EVENT.millis(),
        ] {
            for minor in [0, 5, 100, 1_234_567, 999_999_999] {
                let amount = Money::from_minor(minor).unwrap();
                let mut value = Vec::new();
                let mut writer =
                    OrderWriter::new(&mut value, "o-1", "Zo\u{eb} of Z\u{fc}rich", "USD", amount);
                writer.item("kb-1", 1, amount);
                writer.item("m-2", 9_999_999, amount);
                writer.finish(Timestamp::from_millis(millis).unwrap());
                let spaced = String::from_utf8(value.clone())
                    .unwrap()
                    .replace(",\"", ", \"")
                    .replace("\":", "\": ")
                    .replace(",{", ", {");
                for order in [read(&value).unwrap(), read(spaced.as_bytes()).unwrap()] {
                    assert_eq!((order.created_at.millis(), order.total_amount), (millis, amount));
                    assert_eq!(
                        (order.user_id.as_ref(), order.total_items),
                        ("Zo\u{eb} of Z\u{fc}rich", 10_000_000)
                    );
                }
            }
        }
    }
}
