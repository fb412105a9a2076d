//! The one spelling of a moment that we write ourselves, eight digits at a time.

use super::civil::{days_from_civil, days_of_month};

/// Eight (or, padded with zeros, four) characters at fixed places: what they must be, compared all at once.
struct Template {
    /// The character itself where it is fixed, `0` where a digit stands.
    zero: u64,
    /// What lifts a wrong byte to 0x80 or more: 0x7F where the character is fixed, 0x76 where a digit stands.
    lift: u64,
}

impl Template {
    const fn new(pattern: [u8; 8]) -> Self {
        let mut lift = [0x7F; 8];
        let mut at = 0;
        while at < pattern.len() {
            if pattern[at] == b'0' {
                lift[at] = 0x76;
            }
            at += 1;
        }
        Self {
            zero: u64::from_le_bytes(pattern),
            lift: u64::from_le_bytes(lift),
        }
    }

    /// The digits of `text` if it fits.
    fn digits(&self, text: [u8; 8]) -> Option<Digits> {
        let digits = u64::from_le_bytes(text) ^ self.zero;
        // A carry into the next byte needs a byte of 0x80 or more, which the first operand shows.
        let wrong = (digits | digits.wrapping_add(self.lift)) & 0x8080_8080_8080_8080;
        (wrong == 0).then_some(Digits(digits))
    }
}

const DATE: Template = Template::new(*b"0000-00-");
const TO_MINUTE: Template = Template::new(*b"00T00:00");
const MILLISECOND: Template = Template::new(*b":00.000Z");
const SECOND: Template = Template::new(*b":00Z\0\0\0\0");

/// Eight digits, one a byte, the first the lowest.
#[derive(Clone, Copy)]
struct Digits(u64);

impl Digits {
    /// The digit at `at`.
    const fn one(self, at: u32) -> i64 {
        (self.0 >> (8 * at) & 0xFF) as i64
    }

    /// The two digits at `at` as a number: no byte of the product exceeds 99.
    const fn two(self, at: u32) -> i64 {
        let pairs = self.0 * 10 + (self.0 >> 8);
        (pairs >> (8 * at) & 0xFF) as i64
    }
}

/// Milliseconds since 1970, and the length of the text: 24 bytes with milliseconds, 20 without.
pub(super) fn millis(text: &[u8]) -> Option<(i64, usize)> {
    let (date, rest) = text.split_first_chunk::<8>()?;
    let (to_minute, rest) = rest.split_first_chunk::<8>()?;
    let date = DATE.digits(*date)?;
    let to_minute = TO_MINUTE.digits(*to_minute)?;
    let (second, millisecond, length) = seconds(rest)?;
    let (year, month, day) = (date.two(0) * 100 + date.two(2), date.two(5), to_minute.two(0));
    let (hour, minute) = (to_minute.two(3), to_minute.two(6));
    let exists = (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let minutes = days_from_civil(year, month, day) * 1440 + hour * 60 + minute;
    exists.then_some((minutes * 60_000 + second * 1000 + millisecond, length))
}

/// The second, the millisecond, and the length of the whole text.
fn seconds(rest: &[u8]) -> Option<(i64, i64, usize)> {
    if let Some(digits) = rest.first_chunk::<8>().and_then(|text| MILLISECOND.digits(*text)) {
        return Some((digits.two(1), digits.one(4) * 100 + digits.two(5), 24));
    }
    let &[colon, tens, ones, zulu] = rest.first_chunk::<4>()?;
    let digits = SECOND.digits([colon, tens, ones, zulu, 0, 0, 0, 0])?;
    Some((digits.two(1), 0, 20))
}
