//! Orders to test with.

use proptest::prelude::*;
use weir_proto::{Item, Money, Order, Timestamp, order};

/// An order in our own layout, to be spoilt by a test.
pub(crate) const PLAIN: &str = r#"{"event_type":"order.created","order_id":"o-1","user_id":"u-17","currency":"USD","total_amount":"129.90","items":[{"product_id":"kb-1","quantity":2,"unit_price":"64.95"},{"product_id":"m-2","quantity":1,"unit_price":"0.00"}],"created_at":"2026-11-23T02:36:00.123Z"}"#;

pub(crate) fn money() -> impl Strategy<Value = Money> {
    prop_oneof![0..10_000_000_i64, 0..=i64::MAX].prop_map(|minor| Money::from_minor(minor).unwrap())
}

pub(crate) fn event_time() -> impl Strategy<Value = Timestamp> {
    let any = 0..=Timestamp::LAST_EVENT.millis();
    prop_oneof![any.clone(), any.prop_map(|millis| millis / 1000 * 1000)]
        .prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

/// An id: most are plain, some need escapes or more than one byte for a character, some are at the limit.
pub(crate) fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9-]{1,40}",
        1 => any::<char>().prop_map(String::from),
        1 => proptest::collection::vec(any::<char>(), 1..64).prop_map(String::from_iter),
        1 => "[a-z]{250,256}",
    ]
}

pub(crate) fn order() -> impl Strategy<Value = Order> {
    let item = (id(), prop_oneof![1..10_i64, 1..order::MAX_ITEMS / 8], money()).prop_map(
        |(product_id, quantity, unit_price)| Item {
            product_id,
            quantity,
            unit_price,
        },
    );
    let items = proptest::collection::vec(item, 1..8);
    (id(), id(), "[A-Z]{3}", money(), items, event_time()).prop_map(
        |(order_id, user_id, currency, total_amount, items, created_at)| {
            Order::new(order_id, user_id, currency, total_amount, items, created_at).unwrap()
        },
    )
}

/// A text that looks like parts of an order put together at random.
pub(crate) fn debris() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", " ", "\n", "null", "true", "false", "-", "0", "1", "12.50", "1e5", "-0",
            "1E+2", "\\", "\\n", "\\u0041", "\\ud83d\\ude00", "\\ud83d", "\u{e9}", "\u{1F600}", "\u{1}", "\"\"",
            "\"order_id\":", "\"items\":[", "\"created_at\":\"2026-11-23T02:36:00Z\"", "\"quantity\":1",
            "\"event_type\":\"x\"", "{}", "[]", "\"a\":1",
        ]).prop_map(|part| part.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}
