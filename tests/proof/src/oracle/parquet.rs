//! The Parquet files, read row by row with the types the contract promises.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

/// One row of a `windows.parquet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetWindow {
    /// Start of the window, milliseconds since 1970.
    pub window_start_ms: i64,
    /// End of the window, milliseconds since 1970.
    pub window_end_ms: i64,
    /// Orders in the window.
    pub order_count: i64,
    /// Decimal with two places.
    pub total_revenue: String,
    /// Sum of the quantities.
    pub total_items: i64,
    /// Distinct users.
    pub unique_users: i64,
    /// Decimal with two places.
    pub average_order_value: String,
    /// Revision of the result.
    pub revision: i32,
    /// The file it stands in.
    pub file: String,
}

/// Reads every `*.parquet` below `root`; none where the folder does not exist.
///
/// # Errors
/// When a file cannot be read, or a column is missing or has another type than the contract says.
pub fn read_folder(root: &Path) -> Result<Vec<ParquetWindow>> {
    let mut windows = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                read_file(&path, &mut windows).with_context(|| path.display().to_string())?;
            }
        }
    }
    Ok(windows)
}

fn read_file(path: &Path, windows: &mut Vec<ParquetWindow>) -> Result<()> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    for row in reader.get_row_iter(None)? {
        let row = row?;
        windows.push(ParquetWindow {
            window_start_ms: millis(&row, "window_start")?,
            window_end_ms: millis(&row, "window_end")?,
            order_count: long(&row, "order_count")?,
            total_revenue: decimal(&row, "total_revenue")?,
            total_items: long(&row, "total_items")?,
            unique_users: long(&row, "unique_users")?,
            average_order_value: decimal(&row, "average_order_value")?,
            revision: match field(&row, "revision")? {
                Field::Int(revision) => *revision,
                other => bail!("revision is {other:?}, not int32"),
            },
            file: path.display().to_string(),
        });
    }
    Ok(())
}

fn field<'a>(row: &'a Row, name: &str) -> Result<&'a Field> {
    row.get_column_iter()
        .find(|(column, _)| *column == name)
        .map(|(_, field)| field)
        .with_context(|| format!("no column {name}"))
}

fn millis(row: &Row, name: &str) -> Result<i64> {
    match field(row, name)? {
        Field::TimestampMicros(micros) if micros % 1000 == 0 => Ok(micros / 1000),
        other => bail!("{name} is {other:?}, not a timestamp in whole milliseconds kept as microseconds"),
    }
}

fn long(row: &Row, name: &str) -> Result<i64> {
    match field(row, name)? {
        Field::Long(value) => Ok(*value),
        other => bail!("{name} is {other:?}, not int64"),
    }
}

fn decimal(row: &Row, name: &str) -> Result<String> {
    match field(row, name)? {
        value @ Field::Decimal(decimal) if decimal.precision() == 38 && decimal.scale() == 2 => {
            Ok(value.to_string())
        }
        other => bail!("{name} is {other:?}, not decimal(38,2)"),
    }
}
