//! A file with one JSON order a line; each line is sent byte for byte, so what is wrong with it is the job's to find.

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use weir_proto::order::{Event, read as read_order};

use super::{Input, InputRecord};

/// The longest line that a record has room for, beside its key, in bytes.
const MOST_BYTES: usize = 990_000;

/// Reads the lines of the file; empty ones are skipped.
pub(super) fn read(path: &Path, currency: Option<&str>) -> Result<Input> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let records = records(BufReader::new(file)).with_context(|| format!("cannot read {}", path.display()))?;
    let summary = vec![format!("{} lines of JSON, sent as they are", records.len())];
    Ok(Input {
        records,
        currency: currency.unwrap_or("USD").to_owned(),
        summary,
    })
}

fn records(lines: impl BufRead) -> Result<Vec<InputRecord>> {
    let mut records: Vec<InputRecord> = Vec::new();
    let mut timed = false;
    for (line, number) in lines.split(b'\n').zip(1..) {
        let value = line?.trim_ascii().to_vec();
        if value.is_empty() {
            continue;
        }
        ensure!(
            value.len() <= MOST_BYTES,
            "line {number} has {} bytes, of which a record holds {MOST_BYTES} at most",
            value.len()
        );
        let (key, own_ms) = match read_order(&value) {
            Ok(Event::Created(order)) => (
                Some(order.order_id.as_bytes().to_vec()),
                Some(order.created_at.millis()),
            ),
            _ => (None, None),
        };
        if let (Some(first_ms), false) = (own_ms, timed) {
            timed = true;
            records.iter_mut().for_each(|record| record.at_ms = first_ms);
        }
        let at_ms = own_ms.or(records.last().map(|record| record.at_ms)).unwrap_or(0);
        records.push(InputRecord { at_ms, key, value });
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: &str = r#"{"order_id":"a","user_id":"u","currency":"USD","total_amount":"1.00","items":[{"product_id":"p","quantity":1,"unit_price":"1.00"}],"created_at":"2026-11-23T02:36:00Z"}"#;

    #[test]
    fn a_line_that_no_record_holds_is_refused_by_its_number() {
        let text = format!("{EARLY}\n{}", "x".repeat(MOST_BYTES + 1));
        let refused = records(text.as_bytes()).unwrap_err().to_string();
        assert!(refused.starts_with("line 2 has 990001 bytes"), "{refused}");
    }

    #[test]
    fn lines_without_a_time_take_their_neighbours() {
        let text = format!("garbage\n\n{EARLY}\r\nmore\n");
        let records = records(text.as_bytes()).unwrap();
        assert_eq!(records.len(), 3);
        assert!(
            records.iter().all(|record| record.at_ms == 1_795_401_360_000),
            "{records:?}"
        );
        assert_eq!(records[1].key.as_deref(), Some(b"a".as_slice()));
        assert_eq!(records[1].value, EARLY.as_bytes());
        assert_eq!(records[2].key, None);
    }
}
