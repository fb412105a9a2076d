//! One hour of results as the bytes of a Parquet file, and back.
//!
//! Written column by column, without Arrow: eight plain columns do not need it, and a newcomer waits for its build.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;
use weir_proto::{AnalyticsResult, MoneySum, ResultFault, ResultTotals, Timestamp};

use crate::StoreError;

/// The columns, in the order in which they are written. Readers rely on every word of it; the fixture
/// `tests/fixtures/schema-v1.txt` holds it fast.
const SCHEMA: &str = "message analytics_results {
    REQUIRED INT64 window_start (TIMESTAMP(MICROS, true));
    REQUIRED INT64 window_end (TIMESTAMP(MICROS, true));
    REQUIRED INT64 order_count;
    REQUIRED INT64 total_items;
    REQUIRED INT64 unique_users;
    REQUIRED FIXED_LEN_BYTE_ARRAY (16) total_revenue (DECIMAL(38, 2));
    REQUIRED FIXED_LEN_BYTE_ARRAY (16) average_order_value (DECIMAL(38, 2));
    REQUIRED INT32 revision;
}";

/// The largest value of a decimal of 38 digits, in units of its last digit.
const DECIMAL_MAX: i128 = 10_i128.pow(38) - 1;

static COLUMNS: LazyLock<TypePtr> =
    LazyLock::new(|| Arc::new(parse_message_type(SCHEMA).expect("the schema is a constant, and tested")));

static PROPERTIES: LazyLock<WriterPropertiesPtr> = LazyLock::new(|| {
    let properties = WriterProperties::builder()
        // The form that readers parse: application, "version", number.
        .set_created_by(concat!("weir-parquet version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // Hardly a value repeats within an hour.
        .set_dictionary_enabled(false)
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: false,
        }]))
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "weir.schema".to_owned(),
            "1".to_owned(),
        )]));
    Arc::new(properties.build())
});

/// Why bytes are not a file of results.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormatError {
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    #[error("it has other columns")]
    OtherColumns,
    #[error("column {column} of row {row} holds a value that no result has")]
    Value { column: &'static str, row: usize },
    #[error("row {row} is no result: {fault}")]
    Result { row: usize, fault: ResultFault },
    #[error("column {column} holds {found} values, the file says {rows}")]
    Length {
        column: &'static str,
        found: usize,
        rows: usize,
    },
}

/// Writes the rows, in the order given, as one row group. Equal rows give equal bytes.
///
/// # Errors
/// [`StoreError::TooLarge`] names a value that does not fit its column.
pub(crate) fn encode(rows: &[AnalyticsResult]) -> Result<Vec<u8>, StoreError> {
    let columns = Columns::of(rows)?;
    Ok(columns
        .write()
        .expect("the columns are those of the schema and the sink is memory"))
}

/// Reads what [`encode`] wrote, whatever its order of rows and number of row groups.
///
/// # Errors
/// [`FormatError`] when it is not Parquet, has other columns, or a row is no result. On bytes that are
/// maliciously wrong the Parquet reader may panic; callers run this where a panic is caught.
pub(crate) fn decode(bytes: Bytes) -> Result<Vec<AnalyticsResult>, FormatError> {
    let reader = SerializedFileReader::new(bytes)?;
    let schema = reader.metadata().file_metadata().schema();
    if !schema.is_group() || schema.get_fields() != COLUMNS.get_fields() {
        return Err(FormatError::OtherColumns);
    }
    let mut results = Vec::new();
    for index in 0..reader.num_row_groups() {
        let columns = Columns::read(reader.get_row_group(index)?.as_ref())?;
        for row in 0..columns.len() {
            results.push(columns.result(row)?);
        }
    }
    Ok(results)
}

/// The same rows turned by ninety degrees. Times are microseconds, amounts minor units in big-endian two's complement.
struct Columns {
    window_start: Vec<i64>,
    window_end: Vec<i64>,
    order_count: Vec<i64>,
    total_items: Vec<i64>,
    unique_users: Vec<i64>,
    total_revenue: Vec<FixedLenByteArray>,
    average_order_value: Vec<FixedLenByteArray>,
    revision: Vec<i32>,
}

impl Columns {
    fn of(rows: &[AnalyticsResult]) -> Result<Self, StoreError> {
        let each = |column: &'static str, value: fn(&AnalyticsResult) -> Option<i64>| {
            rows.iter()
                .map(|row| {
                    value(row).ok_or(StoreError::TooLarge {
                        window_start: row.window_start(),
                        column,
                    })
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let money = |column: &'static str, value: fn(&AnalyticsResult) -> MoneySum| {
            rows.iter()
                .map(|row| {
                    decimal(value(row)).ok_or(StoreError::TooLarge {
                        window_start: row.window_start(),
                        column,
                    })
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            window_start: each("window_start", |row| {
                row.window_start().millis().checked_mul(1000)
            })?,
            window_end: each("window_end", |row| row.window_end().millis().checked_mul(1000))?,
            order_count: each("order_count", |row| i64::try_from(row.order_count()).ok())?,
            total_items: each("total_items", |row| Some(row.total_items()))?,
            unique_users: each("unique_users", |row| i64::try_from(row.unique_users()).ok())?,
            total_revenue: money("total_revenue", AnalyticsResult::total_revenue)?,
            average_order_value: money("average_order_value", AnalyticsResult::average_order_value)?,
            revision: each("revision", |row| {
                i32::try_from(row.revision()).ok().map(i64::from)
            })?
            .into_iter()
            .map(|revision| i32::try_from(revision).expect("just made from an i32"))
            .collect(),
        })
    }

    fn write(&self) -> Result<Vec<u8>, ParquetError> {
        let mut file = SerializedFileWriter::new(Vec::new(), COLUMNS.clone(), PROPERTIES.clone())?;
        let mut group = file.next_row_group()?;
        write_column::<Int64Type>(&mut group, &self.window_start)?;
        write_column::<Int64Type>(&mut group, &self.window_end)?;
        write_column::<Int64Type>(&mut group, &self.order_count)?;
        write_column::<Int64Type>(&mut group, &self.total_items)?;
        write_column::<Int64Type>(&mut group, &self.unique_users)?;
        write_column::<FixedLenByteArrayType>(&mut group, &self.total_revenue)?;
        write_column::<FixedLenByteArrayType>(&mut group, &self.average_order_value)?;
        write_column::<Int32Type>(&mut group, &self.revision)?;
        group.close()?;
        file.into_inner()
    }

    fn read(group: &dyn RowGroupReader) -> Result<Self, FormatError> {
        Ok(Self {
            window_start: read_column::<Int64Type>(group, 0, "window_start")?,
            window_end: read_column::<Int64Type>(group, 1, "window_end")?,
            order_count: read_column::<Int64Type>(group, 2, "order_count")?,
            total_items: read_column::<Int64Type>(group, 3, "total_items")?,
            unique_users: read_column::<Int64Type>(group, 4, "unique_users")?,
            total_revenue: read_column::<FixedLenByteArrayType>(group, 5, "total_revenue")?,
            average_order_value: read_column::<FixedLenByteArrayType>(group, 6, "average_order_value")?,
            revision: read_column::<Int32Type>(group, 7, "revision")?,
        })
    }

    fn len(&self) -> usize {
        self.window_start.len()
    }

    /// The result of a row. The average is not read back: it follows from the other two.
    fn result(&self, row: usize) -> Result<AnalyticsResult, FormatError> {
        let wrong = |column: &'static str| FormatError::Value { column, row };
        let window_start = moment(self.window_start[row]).ok_or(wrong("window_start"))?;
        let window_end = moment(self.window_end[row]).ok_or(wrong("window_end"))?;
        let totals = ResultTotals {
            order_count: u64::try_from(self.order_count[row]).map_err(|_| wrong("order_count"))?,
            total_revenue: amount(&self.total_revenue[row]).ok_or(wrong("total_revenue"))?,
            total_items: self.total_items[row],
            unique_users: u64::try_from(self.unique_users[row]).map_err(|_| wrong("unique_users"))?,
        };
        let revision = u32::try_from(self.revision[row]).map_err(|_| wrong("revision"))?;
        AnalyticsResult::new(window_start..window_end, totals, revision)
            .map_err(|fault| FormatError::Result { row, fault })
    }
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .expect("as many calls as the schema has columns");
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

fn read_column<T: DataType>(
    group: &dyn RowGroupReader,
    index: usize,
    column: &'static str,
) -> Result<Vec<T::T>, FormatError> {
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(index)?);
    let mut values = Vec::new();
    // A call ends at the end of a page.
    while values.len() < rows
        && reader
            .read_records(rows - values.len(), None, None, &mut values)?
            .0
            > 0
    {}
    let found = values.len();
    if found == rows {
        Ok(values)
    } else {
        Err(FormatError::Length { column, found, rows })
    }
}

fn decimal(amount: MoneySum) -> Option<FixedLenByteArray> {
    let minor = amount.minor();
    (minor.abs() <= DECIMAL_MAX).then(|| minor.to_be_bytes().to_vec().into())
}

fn amount(bytes: &FixedLenByteArray) -> Option<MoneySum> {
    Some(MoneySum::from_minor(i128::from_be_bytes(
        bytes.data().try_into().ok()?,
    )))
}

fn moment(micros: i64) -> Option<Timestamp> {
    if micros % 1000 == 0 {
        Timestamp::from_millis(micros / 1000)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
