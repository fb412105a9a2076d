//! Moments in UTC, to the millisecond, read from and written as RFC 3339.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

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
        let fields =
            Fields::split(text.as_bytes()).ok_or_else(|| TimestampError::NotRfc3339(text::excerpt(text)))?;
        let millis = fields
            .millis()
            .ok_or_else(|| TimestampError::NoSuchTime(text::excerpt(text)))?;
        Self::from_millis(millis).ok_or_else(|| TimestampError::OutOfRange(text::excerpt(text)))
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
    #[error("`{0}` is before 1970 or after the year 9998")]
    OutOfRange(String),
}

/// The numbers of an RFC 3339 text, not yet judged.
struct Fields {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
    offset_hour: i64,
    offset_minute: i64,
    offset_sign: i64,
}

impl Fields {
    /// Splits the text by its form; `None` if it has another one.
    fn split(text: &[u8]) -> Option<Self> {
        let (date_time, rest) = text.split_at_checked(19)?;
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(at, byte)| date_time[at] != byte) || !matches!(date_time[10], b'T' | b't')
        {
            return None;
        }
        let (millisecond, rest) = match rest {
            [b'.', fraction @ ..] => milliseconds(fraction)?,
            _ => (0, rest),
        };
        let (offset_sign, offset_hour, offset_minute) = match rest {
            [b'Z' | b'z'] => (1, 0, 0),
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => (
                if *sign == b'-' { -1 } else { 1 },
                number(&[*h1, *h2])?,
                number(&[*m1, *m2])?,
            ),
            _ => return None,
        };
        Some(Self {
            year: number(&date_time[0..4])?,
            month: number(&date_time[5..7])?,
            day: number(&date_time[8..10])?,
            hour: number(&date_time[11..13])?,
            minute: number(&date_time[14..16])?,
            second: number(&date_time[17..19])?,
            millisecond,
            offset_hour,
            offset_minute,
            offset_sign,
        })
    }

    /// Milliseconds since 1970; `None` if the calendar or the clock has no such reading.
    fn millis(&self) -> Option<i64> {
        let leap_second = self.second == 60;
        let exists = (1..=12).contains(&self.month)
            && (1..=days_of_month(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60
            && self.offset_hour < 24
            && self.offset_minute < 60;
        if !exists {
            return None;
        }
        let day = days_from_civil(self.year, self.month, self.day);
        let offset = self.offset_sign * (self.offset_hour * 60 + self.offset_minute);
        let minutes = day * 1440 + self.hour * 60 + self.minute - offset;
        if !leap_second {
            return Some(minutes * 60_000 + self.second * 1000 + self.millisecond);
        }
        let next_day = civil_from_days((minutes + 1).div_euclid(1440));
        let at_end_of_month = (minutes + 1).rem_euclid(1440) == 0 && next_day.2 == 1;
        at_end_of_month.then_some(minutes * 60_000 + 59_999)
    }
}

/// The first three digits of a fraction of a second, and what follows all of its digits.
fn milliseconds(fraction: &[u8]) -> Option<(i64, &[u8])> {
    let end = fraction
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(fraction.len());
    let (digits, rest) = fraction.split_at(end);
    if digits.is_empty() {
        return None;
    }
    let digit = |at: usize| digits.get(at).map_or(0, |byte| i64::from(byte - b'0'));
    Some((digit(0) * 100 + digit(1) * 10 + digit(2), rest))
}

/// The number that all of `digits` write; `None` if one is no digit.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

/// Days of a month of the proleptic Gregorian calendar.
const fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date. Years are counted from March, so that a leap day ends its year, in eras of 400 years.
pub(crate) const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date (year, month, day) that lies `days` after 1970-01-01; the inverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + if month <= 2 { 1 } else { 0 }, month, day)
}
