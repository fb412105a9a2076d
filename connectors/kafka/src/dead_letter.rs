//! What could not be counted, as a record for the dead-letter or the late topic.

use std::sync::Arc;

use crate::sink::Outgoing;

/// A record that made it into no window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Where it came from.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Kafka's own timestamp, milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Its key as it came.
    pub key: Option<Vec<u8>>,
    /// Its value as it came.
    pub value: Option<Vec<u8>>,
    /// Why it was rejected.
    pub error: String,
}

/// The longest error text that is written, in bytes; what made the error may itself be hostile and long.
const MAX_ERROR_BYTES: usize = 1024;

/// Bytes a record needs beside its key, value and headers: the header of a batch of one (61) and the length fields of
/// the record at their widest.
const RECORD_OVERHEAD: usize = 61 + 64;
/// Bytes of a header beside its name and value: two lengths.
const HEADER_OVERHEAD: usize = 10;

/// The record for `to`: the original key and value with the headers `error`, `source_topic`, `source_partition`,
/// `source_offset` and `source_timestamp` (if it has one).
///
/// What would be larger than `max_bytes` (the topic's `max.message.bytes`) is cut, the value first and then the key,
/// and the header `truncated` carries the original size of key and value together, in bytes. So it always fits, if
/// `max_bytes` leaves room for the headers (about 1.5 KB).
pub fn dead_letter(to: &Arc<str>, source_topic: &str, reject: Reject, max_bytes: usize) -> Outgoing {
    let mut headers: Vec<(&'static str, Vec<u8>)> = vec![
        (
            "error",
            bounded(&reject.error, MAX_ERROR_BYTES).as_bytes().to_vec(),
        ),
        ("source_topic", source_topic.as_bytes().to_vec()),
        ("source_partition", reject.partition.to_string().into_bytes()),
        ("source_offset", reject.offset.to_string().into_bytes()),
    ];
    if let Some(timestamp) = reject.timestamp {
        headers.push(("source_timestamp", timestamp.to_string().into_bytes()));
    }
    let (mut key, mut value) = (reject.key, reject.value);
    let original = size(key.as_deref()) + size(value.as_deref());
    if original + overhead(&headers) > max_bytes {
        headers.push(("truncated", original.to_string().into_bytes()));
        let room = max_bytes.saturating_sub(overhead(&headers));
        let value_room = room.saturating_sub(size(key.as_deref()));
        if let Some(value) = &mut value {
            value.truncate(value_room);
        }
        if let Some(key) = &mut key {
            key.truncate(room);
        }
    }
    Outgoing {
        topic: Arc::clone(to),
        partition: None,
        key,
        value,
        headers,
    }
}

fn size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(0, <[u8]>::len)
}

fn overhead(headers: &[(&'static str, Vec<u8>)]) -> usize {
    let headers: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + HEADER_OVERHEAD)
        .sum();
    headers + RECORD_OVERHEAD
}

/// The text up to `max` bytes, cut between characters.
fn bounded(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(key: usize, value: usize, error: &str) -> Reject {
        Reject {
            partition: 3,
            offset: 42,
            timestamp: Some(1_700_000_000_000),
            key: Some(vec![b'k'; key]),
            value: Some(vec![b'v'; value]),
            error: error.to_owned(),
        }
    }

    fn letter(reject: Reject, max_bytes: usize) -> Outgoing {
        dead_letter(&Arc::from("orders-dlq"), "orders", reject, max_bytes)
    }

    fn header<'a>(record: &'a Outgoing, name: &str) -> Option<&'a str> {
        let found = record.headers.iter().find(|(header, _)| *header == name)?;
        Some(std::str::from_utf8(&found.1).unwrap())
    }

    #[test]
    fn what_fits_is_whole_and_tells_where_it_came_from() {
        let record = letter(reject(4, 300, "total_amount: negative"), 1_048_588);
        assert_eq!(record.key.as_deref(), Some(&b"kkkk"[..]));
        assert_eq!(record.value.as_ref().unwrap().len(), 300);
        assert_eq!(header(&record, "error"), Some("total_amount: negative"));
        assert_eq!(header(&record, "source_topic"), Some("orders"));
        assert_eq!(header(&record, "source_partition"), Some("3"));
        assert_eq!(header(&record, "source_offset"), Some("42"));
        assert_eq!(header(&record, "source_timestamp"), Some("1700000000000"));
        assert_eq!(header(&record, "truncated"), None);
    }

    #[test]
    fn a_large_value_is_cut_to_fit_and_the_original_size_is_told() {
        let record = letter(reject(4, 5_000, "too large"), 2_000);
        let total = size(record.key.as_deref()) + size(record.value.as_deref()) + overhead(&record.headers);
        assert_eq!(total, 2_000);
        assert_eq!(record.key.as_deref(), Some(&b"kkkk"[..]));
        assert_eq!(header(&record, "truncated"), Some("5004"));
    }

    #[test]
    fn a_huge_key_is_cut_too() {
        let record = letter(reject(50_000, 10, "x"), 2_000);
        assert_eq!(record.value.as_deref(), Some(&b""[..]));
        let total = size(record.key.as_deref()) + overhead(&record.headers);
        assert_eq!(total, 2_000);
        assert_eq!(header(&record, "truncated"), Some("50010"));
    }

    #[test]
    fn a_tombstone_and_a_missing_key_stay_so() {
        let none = Reject {
            key: None,
            value: None,
            timestamp: None,
            ..reject(0, 0, "no value")
        };
        let record = letter(none, 1_000);
        assert_eq!((&record.key, &record.value), (&None, &None));
        assert_eq!(header(&record, "source_timestamp"), None);
    }

    #[test]
    fn a_long_error_is_bounded_between_characters() {
        let record = letter(reject(1, 1, &"ä".repeat(5_000)), 1_048_588);
        let error = header(&record, "error").unwrap();
        assert!(error.len() <= MAX_ERROR_BYTES && error.chars().all(|c| c == 'ä'));
    }
}
