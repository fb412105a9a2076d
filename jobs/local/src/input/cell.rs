//! A Parquet value read as text or as time, whichever of the usual types it was stored in.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::record::Field;
use parquet::schema::types::Type;

use weir_proto::Timestamp;

/// How many of a column's units make a millisecond, or milliseconds a unit, where it holds times as bare numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Millis,
    Micros,
    Nanos,
}

/// Whether a column of this type can be read as text or time.
pub(super) fn is_readable(column: &Type) -> bool {
    use ConvertedType::{DECIMAL, INT_32, INT_64, NONE, TIMESTAMP_MICROS, TIMESTAMP_MILLIS, UTF8};
    column.is_primitive()
        && matches!(
            column.get_basic_info().converted_type(),
            NONE | UTF8 | DECIMAL | INT_32 | INT_64 | TIMESTAMP_MILLIS | TIMESTAMP_MICROS
        )
}

/// The unit of a column of times; milliseconds where the file does not say.
pub(super) fn unit(column: &Type) -> Unit {
    match column.get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(timestamp)) => match timestamp.unit {
            TimeUnit::MILLIS => Unit::Millis,
            TimeUnit::MICROS => Unit::Micros,
            TimeUnit::NANOS => Unit::Nanos,
        },
        _ => Unit::Millis,
    }
}

/// The value as text, numbers in their shortest digits; `None` for null.
pub(super) fn text(value: &Field) -> Option<String> {
    match value {
        Field::Str(text) => Some(text.clone()),
        Field::Int(number) => Some(number.to_string()),
        Field::Long(number) => Some(number.to_string()),
        Field::Float(number) => Some(number.to_string()),
        Field::Double(number) => Some(number.to_string()),
        Field::Decimal(_) => Some(value.to_string()),
        Field::Bytes(bytes) => bytes.as_utf8().ok().map(str::to_owned),
        _ => None,
    }
}

/// The value as UTC milliseconds: a timestamp (one without a zone is taken as UTC), or RFC 3339 text.
pub(super) fn millis(value: &Field, unit: Unit) -> Option<i64> {
    match value {
        Field::TimestampMillis(ms) => Some(*ms),
        Field::TimestampMicros(us) => Some(us.div_euclid(1_000)),
        Field::Long(number) => Some(match unit {
            Unit::Millis => *number,
            Unit::Micros => number.div_euclid(1_000),
            Unit::Nanos => number.div_euclid(1_000_000),
        }),
        other => Timestamp::parse_rfc3339(&text(other)?)
            .ok()
            .map(Timestamp::millis),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(text(&Field::Double(2.55)).as_deref(), Some("2.55"));
        assert_eq!(text(&Field::Double(38_970.0)).as_deref(), Some("38970"));
        assert_eq!(text(&Field::Double(0.001)).as_deref(), Some("0.001"));
        assert_eq!(text(&Field::Null), None);
    }

    #[test]
    fn times_of_every_unit_become_milliseconds() {
        let micros = 1_291_192_000_000_000;
        assert_eq!(
            millis(&Field::TimestampMicros(micros), Unit::Millis),
            Some(micros / 1_000)
        );
        assert_eq!(
            millis(&Field::Long(micros * 1_000), Unit::Nanos),
            Some(micros / 1_000)
        );
        assert_eq!(
            millis(&Field::Str("1970-01-01T00:00:01Z".into()), Unit::Millis),
            Some(1_000)
        );
        assert_eq!(millis(&Field::Str("today".into()), Unit::Millis), None);
    }
}
