//! Moments in UTC, to the millisecond, read from and written as RFC 3339.

mod civil;
mod own;
mod rfc3339;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use self::civil::{civil_from_days, days_from_civil};
use self::rfc3339::Fields;
use crate::text;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// A moment in UTC: milliseconds since 1970-01-01T00:00:00Z, never before it and never beyond the year 9999.
///
/// An event may bear the years 1970 to 9998 ([`Timestamp::LAST_EVENT`]); the year 9999 is room for the end of its window.
///
/// # Examples
/// ```
/// use weir_proto::Timestamp;
///
/// let time = Timestamp::parse_rfc3339("2026-11-23T03:36:00.1239+01:00")?;
/// assert_eq!(time.to_string(), "2026-11-23T02:36:00.123Z");
/// # Ok::<(), weir_proto::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first millisecond of 1970.
    pub const FIRST: Self = Self(0);
    /// The last millisecond of the year 9998: the latest an event may bear.
    pub const LAST_EVENT: Self = Self(days_from_civil(9999, 1, 1) * DAY_MS - 1);
    /// The last millisecond of the year 9999.
    pub const LAST: Self = Self(days_from_civil(10_000, 1, 1) * DAY_MS - 1);

    /// The moment `millis` milliseconds after 1970-01-01T00:00:00Z; `None` before it or beyond the year 9999.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Option<Self> {
        if millis < Self::FIRST.0 || millis > Self::LAST.0 {
            None
        } else {
            Some(Self(millis))
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads a date and time with an offset by RFC 3339, such as `2026-11-23T02:36:00.123Z`.
    ///
    /// What is finer than a millisecond is cut. `T` and `Z` may be lower case; a space for the `T` and an offset
    /// without a colon are no RFC 3339. A leap second (`23:59:60` UTC on the last day of a month) counts as the last
    /// millisecond of its minute, so that it stays in the window it was written in.
    ///
    /// # Errors
    /// What has another form, names a date or time that does not exist, or lies outside the years 1970 to 9999 in UTC.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimestampError> {
        Self::parse_until(text, Self::LAST)
    }

    /// [`Self::parse_rfc3339`] up to `last`, which the error then names.
    pub(crate) fn parse_until(text: &str, last: Self) -> Result<Self, TimestampError> {
        // Nearly every moment is spelt as we spell it, and that is read several times as fast.
        if let Some((time, length)) = Self::read_own(text.as_bytes())
            && length == text.len()
            && time <= last
        {
            return Ok(time);
        }
        let fields =
            Fields::split(text.as_bytes()).ok_or_else(|| TimestampError::NotRfc3339(text::excerpt(text)))?;
        let millis = fields
            .millis()
            .ok_or_else(|| TimestampError::NoSuchTime(text::excerpt(text)))?;
        Self::from_millis(millis)
            .filter(|time| *time <= last)
            .ok_or_else(|| TimestampError::OutOfRange {
                written: text::excerpt(text),
                last,
            })
    }

    /// Reads what [`Self::write_to`] writes from the beginning of `text`: the moment and how many bytes it takes.
    ///
    /// `None` says nothing about other spellings: ask [`Self::parse_rfc3339`].
    pub(crate) fn read_own(text: &[u8]) -> Option<(Self, usize)> {
        let (millis, length) = own::millis(text)?;
        let time = Self::from_millis(millis)?;
        Some((time, length))
    }

    /// Appends the moment by RFC 3339 with `Z`; milliseconds are shown, with three digits, only when they are not zero.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let (year, month, day) = civil_from_days(self.0 / DAY_MS);
        let of_day = (self.0 % DAY_MS).unsigned_abs();
        text::push_padded::<4>(out, year.unsigned_abs());
        out.push(b'-');
        text::push_padded::<2>(out, month.unsigned_abs());
        out.push(b'-');
        text::push_padded::<2>(out, day.unsigned_abs());
        out.push(b'T');
        text::push_padded::<2>(out, of_day / 3_600_000);
        out.push(b':');
        text::push_padded::<2>(out, of_day / 60_000 % 60);
        out.push(b':');
        text::push_padded::<2>(out, of_day / 1000 % 60);
        if !of_day.is_multiple_of(1000) {
            out.push(b'.');
            text::push_padded::<3>(out, of_day % 1000);
        }
        out.push(b'Z');
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::display(f, |out| self.write_to(out))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).map_err(de::Error::custom)
    }
}

/// Why a text is no moment we count with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The text has not the form of RFC 3339 with an offset.
    #[error("`{0}` is not an RFC 3339 time with an offset, such as 2026-11-23T02:36:00.123Z")]
    NotRfc3339(String),
    /// The form is right, but there is no such day, hour, minute, second or offset.
    #[error("`{0}` names a date or time that does not exist")]
    NoSuchTime(String),
    /// The moment lies before 1970 or beyond what can be counted.
    #[error("`{written}` is before 1970 or after {last}")]
    OutOfRange {
        /// The moment as it is written.
        written: String,
        /// The last moment that is allowed here.
        last: Timestamp,
    },
}
