//! RFC 3339 with any offset and any number of decimals.

use super::civil::{civil_from_days, days_from_civil, days_of_month};

/// The numbers of an RFC 3339 text, not yet judged.
pub(super) struct Fields {
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
    pub(super) fn split(text: &[u8]) -> Option<Self> {
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
    pub(super) fn millis(&self) -> Option<i64> {
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
