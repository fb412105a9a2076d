//! Orders from a file instead of the generator, with their own times.
//!
//! The file is read whole and sorted by time: what it holds happened in that order, however it is laid out.

mod cell;
mod decimal;
mod invoice;
mod json_lines;
mod order_lines;

use std::path::Path;

use anyhow::{Result, bail};

/// A record to be written to the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputRecord {
    /// The order's own time, UTC milliseconds; where it has none, that of the record before it.
    pub(crate) at_ms: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Vec<u8>,
}

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Input {
    /// Sorted by time.
    pub(crate) records: Vec<InputRecord>,
    /// The currency that the job must count.
    pub(crate) currency: String,
    /// What became of what, in words.
    pub(crate) summary: Vec<String>,
}

/// Reads a Parquet file of order lines (by its extension) or a file with one JSON order a line.
///
/// # Errors
/// A file that cannot be read, or a Parquet file without the columns of an order.
pub(crate) fn read(path: &Path, currency: Option<&str>) -> Result<Input> {
    let is_parquet = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    let mut input = if is_parquet {
        order_lines::read(path, currency)?
    } else {
        json_lines::read(path, currency)?
    };
    if input.records.is_empty() {
        bail!("{} holds no orders", path.display());
    }
    input.records.sort_by_key(|record| record.at_ms);
    Ok(input)
}
