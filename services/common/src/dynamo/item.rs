//! Items and their attributes.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;

/// The attribute by which DynamoDB forgets an item, in seconds since 1970.
pub const EXPIRES_AT: &str = "expires_at";

/// An item as it is stored.
pub type Item = HashMap<String, AttributeValue>;

/// This machine's clock, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A moment in milliseconds as one in seconds, not before it.
#[must_use]
pub fn seconds(ms: i64) -> i64 {
    ms.saturating_add(999).div_euclid(1_000)
}

/// A text as an attribute.
#[must_use]
pub fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number as an attribute.
#[must_use]
pub fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The text of an attribute, where it is there and one.
#[must_use]
pub fn read_text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

/// The number of an attribute, where it is there and one.
#[must_use]
pub fn read_number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
