//! The ways one and the same order can be written down.

use std::fmt::Write as _;

use weir_proto::order::OrderWriter;
use weir_proto::{Money, Timestamp};

/// An order before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderText {
    /// Order id.
    pub order_id: String,
    /// User id.
    pub user_id: String,
    /// Product, quantity, unit price in minor units.
    pub items: Vec<(String, i64, i64)>,
    /// Sum of the items in minor units.
    pub total_minor: i64,
    /// Event time, milliseconds since 1970.
    pub created_ms: i64,
}

impl OrderText {
    /// An order for these items.
    pub fn new(order_id: &str, user_id: &str, items: Vec<(String, i64, i64)>, created_ms: i64) -> OrderText {
        let total_minor = items.iter().map(|(_, quantity, price)| quantity * price).sum();
        OrderText {
            order_id: order_id.to_owned(),
            user_id: user_id.to_owned(),
            items,
            total_minor,
            created_ms,
        }
    }
}

/// A way of writing an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As our own writer does.
    Own,
    /// Money as JSON numbers, times as epoch milliseconds.
    Numbers,
    /// Other field order, spaces and line breaks, fields nobody knows.
    Loose,
    /// Ids with escapes that mean the same ids.
    Escaped,
    /// The time with the offset of Kolkata, amounts without superfluous zeros.
    Offset,
    /// The total as a number with an exponent, as some languages write a float.
    Exponent,
    /// No event type, which means `order.created`.
    Untyped,
    /// Another event type about the same order: not counted by the windows.
    Paid,
}

impl Layout {
    /// The layouts of a valid order that our own writer does not use.
    pub const ODD: [Layout; 6] = [
        Layout::Numbers,
        Layout::Loose,
        Layout::Escaped,
        Layout::Offset,
        Layout::Exponent,
        Layout::Untyped,
    ];

    /// The bytes of the order.
    pub fn write(self, order: &OrderText) -> Vec<u8> {
        let (id, user, total) = (&order.order_id, &order.user_id, money(order.total_minor));
        let time = time(order.created_ms, 0);
        let items = items(order, '"');
        let text = match self {
            Layout::Own => return written(order),
            Layout::Paid => spelled_out(order, "order.paid"),
            Layout::Untyped => format!(
                r#"{{"order_id":"{id}","user_id":"{user}","currency":"USD","total_amount":"{total}","items":{items},"created_at":"{time}"}}"#
            ),
            Layout::Numbers => {
                let (items, time) = (self::items(order, ' '), order.created_ms);
                format!(
                    r#"{{"event_type":"order.created","order_id":"{id}","user_id":"{user}","currency":"USD","total_amount":{total},"items":{items},"created_at":{time}}}"#
                )
            }
            Layout::Loose => format!(
                "{{ \"created_at\" : \"{time}\",\n\t\"note\": {{\"gift\":true,\"lines\":[1,2.5e3,null,\"}}\"]}}, \"total_amount\" : \"{total}\" ,\r\n \"items\" : {items} , \"currency\":\"USD\", \"user_id\" : \"{user}\", \"order_id\":\"{id}\", \"event_type\" : \"order.created\", \"\": 1 }}\n"
            ),
            Layout::Exponent => format!(
                r#"{{"order_id":"{id}","user_id":"{user}","currency":"USD","total_amount":{},"items":{items},"created_at":"{time}"}}"#,
                with_exponent(order.total_minor)
            ),
            Layout::Escaped => {
                let (id, user) = (escaped(id), escaped(user));
                format!(
                    r#"{{"event_type":"order.cre\u0061ted","order_id":"{id}","user_id":"{user}","currency":"USD","total_amount":"{total}","items":{items},"created_at":"{time}"}}"#
                )
            }
            Layout::Offset => {
                let time = self::time(order.created_ms, 330);
                let short = total
                    .strip_suffix(".00")
                    .or_else(|| total.strip_suffix('0'))
                    .unwrap_or(&total);
                format!(
                    r#"{{"event_type":"order.created","order_id":"{id}","user_id":"{user}","currency":"USD","total_amount":"{short}","items":{items},"created_at":"{time}"}}"#
                )
            }
        };
        text.into_bytes()
    }
}

/// What our own writer writes, of orders as unsound as a feed wants them.
fn written(order: &OrderText) -> Vec<u8> {
    let amount =
        |minor: i64| Money::from_minor(minor).expect("amounts of the feed are sums of positive prices");
    let mut value = Vec::new();
    let total = amount(order.total_minor);
    let mut writer = OrderWriter::new(&mut value, &order.order_id, &order.user_id, "USD", total);
    for (product_id, quantity, price) in &order.items {
        writer.item(product_id, *quantity, amount(*price));
    }
    writer.finish(Timestamp::from_millis(order.created_ms).expect("a feed lives in this century"));
    value
}

/// The fields in the order of the contract, milliseconds always shown.
pub(super) fn spelled_out(order: &OrderText, event_type: &str) -> String {
    format!(
        r#"{{"event_type":"{event_type}","order_id":"{}","user_id":"{}","currency":"USD","total_amount":"{}","items":{},"created_at":"{}"}}"#,
        order.order_id,
        order.user_id,
        money(order.total_minor),
        items(order, '"'),
        time(order.created_ms, 0)
    )
}

/// `around` goes around each price: a quotation mark, or a space for a number.
fn items(order: &OrderText, around: char) -> String {
    let mut text = String::from("[");
    for (product, quantity, price) in &order.items {
        let comma = if text.len() > 1 { "," } else { "" };
        let price = money(*price);
        let _ = write!(
            text,
            r#"{comma}{{"product_id":"{product}","quantity":{quantity},"unit_price":{around}{price}{around}}}"#
        );
    }
    text + "]"
}

/// The first letter as `\uXXXX`: other bytes, the same string.
fn escaped(id: &str) -> String {
    let (first, rest) = id.split_at(1);
    format!("\\u{:04x}{rest}", first.as_bytes()[0])
}

/// An amount with its point behind the first digit: `1.2990E2` is `129.90`.
fn with_exponent(minor: i64) -> String {
    let digits = minor.to_string();
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let exponent = digits.len() as i64 - 3;
    format!("{first}{point}{rest}E{exponent}")
}

/// An amount with two decimals.
pub(super) fn money(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// RFC 3339 with milliseconds, in a zone some minutes east.
pub(super) fn time(ms: i64, minutes_east: i64) -> String {
    let local = ms + minutes_east * 60_000;
    let (days, in_day) = (local.div_euclid(86_400_000), local.rem_euclid(86_400_000));
    // Days to a date by counting years from March, so that the leap day comes last (Gregorian, 400-year cycles).
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let zone = if minutes_east == 0 {
        "Z".to_owned()
    } else {
        format!("+{:02}:{:02}", minutes_east / 60, minutes_east % 60)
    };
    let (second, milli) = (in_day / 1000, in_day % 1000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{milli:03}{zone}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_cross_the_leap_day() {
        assert_eq!(time(1_709_251_199_999, 0), "2024-02-29T23:59:59.999Z");
        assert_eq!(time(1_709_251_200_000, 0), "2024-03-01T00:00:00.000Z");
        assert_eq!(time(1_709_157_600_000, 330), "2024-02-29T03:30:00.000+05:30");
    }

    #[test]
    fn an_exponent_changes_the_spelling_and_not_the_amount() {
        for (minor, text) in [(12_990, "1.2990E2"), (50, "5.0E-1"), (5, "5E-2"), (100, "1.00E0")] {
            assert_eq!(with_exponent(minor), text);
            assert_eq!(Money::parse(text).unwrap().minor(), minor, "{text}");
        }
    }

    #[test]
    fn every_layout_is_json() {
        let order = OrderText::new(
            "o-1",
            "u-1",
            vec![("p-1".to_owned(), 2, 6_495)],
            1_709_157_600_123,
        );
        for layout in Layout::ODD.into_iter().chain([Layout::Own, Layout::Paid]) {
            let value: serde_json::Value = serde_json::from_slice(&layout.write(&order))
                .unwrap_or_else(|error| panic!("{layout:?}: {error}"));
            assert_eq!(value["order_id"], "o-1", "{layout:?}");
        }
    }
}
