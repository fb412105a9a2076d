//! Names of record headers.

/// CloudEvents binary mode: the id of the event.
pub const CE_ID: &str = "ce_id";
/// CloudEvents binary mode: the type of the event, such as `order.created`.
pub const CE_TYPE: &str = "ce_type";
/// CloudEvents binary mode: who made the event, a URI reference.
pub const CE_SOURCE: &str = "ce_source";
/// CloudEvents binary mode: when the event happened, RFC 3339.
pub const CE_TIME: &str = "ce_time";
/// CloudEvents binary mode: the version of the specification.
pub const CE_SPECVERSION: &str = "ce_specversion";
/// The version of CloudEvents that we write.
pub const CE_SPECVERSION_VALUE: &str = "1.0";
/// W3C trace context: the parent of the trace.
pub const TRACEPARENT: &str = "traceparent";

/// On a rejected record: why it was rejected.
pub const ERROR: &str = "error";
/// On a rejected record: the topic it came from.
pub const SOURCE_TOPIC: &str = "source_topic";
/// On a rejected record: the partition it came from, in decimal digits.
pub const SOURCE_PARTITION: &str = "source_partition";
/// On a rejected record: its offset there, in decimal digits.
pub const SOURCE_OFFSET: &str = "source_offset";
/// On a rejected record: its timestamp there, milliseconds since 1970 in decimal digits.
pub const SOURCE_TIMESTAMP: &str = "source_timestamp";
/// On a rejected record that was cut: the size of its value before, in bytes, in decimal digits.
pub const TRUNCATED: &str = "truncated";
