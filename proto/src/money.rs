//! Amounts of money in minor units, read from their digits and never through a float.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::text;

/// An amount of money in minor units (cents) of the job's currency; never negative.
///
/// # Examples
/// ```
/// use weir_proto::Money;
///
/// let amount = Money::parse("129.9")?;
/// assert_eq!(amount.minor(), 12_990);
/// assert_eq!(amount.to_string(), "129.90");
/// # Ok::<(), weir_proto::MoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// The largest amount that can be told: 92,233,720,368,547,758.07.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of `minor` cents; `None` if it is negative.
    #[must_use]
    pub const fn from_minor(minor: i64) -> Option<Self> {
        if minor < 0 { None } else { Some(Self(minor)) }
    }

    /// The amount in minor units (cents).
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// Reads a decimal by the grammar of a JSON number, from its digits.
    ///
    /// An exponent moves the decimal point (`1.299E2` is `129.9`, as some languages write a float); what then stands
    /// behind the point may be two digits at most, zeros included.
    ///
    /// # Errors
    /// What is no such decimal, has a minus sign (`-0.00` too), more than two decimals, or more cents than an `i64`.
    pub fn parse(digits: &str) -> Result<Self, MoneyError> {
        if let Some(minor) = plain_minor(digits.as_bytes()) {
            return Ok(Self(minor));
        }
        let minor = parse_minor(digits)?;
        i64::try_from(minor)
            .map(Self)
            .map_err(|_| MoneyError::TooLarge(text::excerpt(digits)))
    }

    /// Appends the amount with two decimals, such as `129.90`.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let minor = self.0.unsigned_abs();
        text::push_decimal(out, minor / 100);
        out.push(b'.');
        text::push_padded::<2>(out, minor % 100);
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::display(f, |out| self.write_to(out))
    }
}

/// A sum of many amounts in minor units (cents), wide enough for every order of a window.
///
/// # Examples
/// ```
/// use weir_proto::MoneySum;
///
/// let sum = MoneySum::from_minor(5);
/// assert_eq!(sum.average(2).to_string(), "0.02"); // 2.5 cents: half goes to the even cent
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MoneySum(i128);

impl MoneySum {
    /// A sum of `minor` cents.
    #[must_use]
    pub const fn from_minor(minor: i128) -> Self {
        Self(minor)
    }

    /// The sum in minor units (cents).
    #[must_use]
    pub const fn minor(self) -> i128 {
        self.0
    }

    /// The sum divided by `count`, rounded half-even to the cent; zero for a count of zero.
    #[must_use]
    pub const fn average(self, count: u64) -> Self {
        if count == 0 {
            return Self(0);
        }
        let count = count as i128;
        let quotient = self.0.div_euclid(count);
        let twice = self.0.rem_euclid(count) * 2;
        let up = twice > count || (twice == count && quotient % 2 != 0);
        Self(if up { quotient + 1 } else { quotient })
    }

    /// Reads a sum by the grammar of [`Money::parse`], wider.
    ///
    /// # Errors
    /// Those of [`Money::parse`], the limit being an `i128`.
    pub fn parse(digits: &str) -> Result<Self, MoneyError> {
        let minor = parse_minor(digits)?;
        i128::try_from(minor)
            .map(Self)
            .map_err(|_| MoneyError::TooLarge(text::excerpt(digits)))
    }
}

impl fmt::Display for MoneySum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minor = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&format!("{sign}{}.{:02}", minor / 100, minor % 100))
    }
}

impl From<Money> for MoneySum {
    fn from(amount: Money) -> Self {
        Self(i128::from(amount.0))
    }
}

/// Why a text is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text does not follow the grammar of a JSON number.
    #[error("`{0}` is not a decimal number")]
    NotDecimal(String),
    /// The text has a minus sign.
    #[error("`{0}` is negative")]
    Negative(String),
    /// More than two digits stand behind the decimal point.
    #[error("`{0}` has more than two decimals")]
    TooPrecise(String),
    /// The cents do not fit the integer they are counted in.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

/// The digits of a decimal number, split by its grammar: `-? (0 | 1-9 0-9*) (. 0-9+)? ([eE] [+-]? 0-9+)?`.
struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

/// Minor units of up to 15 digits, a point and two digits, which is how nearly every amount is written; `None` says
/// nothing about other spellings.
#[inline]
fn plain_minor(text: &[u8]) -> Option<i64> {
    let (whole, &[point, tens, ones]) = text.split_last_chunk::<3>()?;
    if point != b'.' || !(1..=15).contains(&whole.len()) || (whole[0] == b'0' && whole.len() > 1) {
        return None;
    }
    whole.iter().chain([&tens, &ones]).try_fold(0_i64, |minor, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| minor * 10 + i64::from(digit))
    })
}

/// Minor units of a non-negative decimal.
fn parse_minor(text: &str) -> Result<u128, MoneyError> {
    let decimal = split(text.as_bytes()).ok_or_else(|| MoneyError::NotDecimal(text::excerpt(text)))?;
    if decimal.negative {
        return Err(MoneyError::Negative(text::excerpt(text)));
    }
    let written = i64::try_from(decimal.fraction.len()).unwrap_or(i64::MAX);
    let decimals = written.saturating_sub(decimal.exponent);
    if decimals > 2 {
        return Err(MoneyError::TooPrecise(text::excerpt(text)));
    }
    let mut minor = 0_u128;
    let too_large = || MoneyError::TooLarge(text::excerpt(text));
    for digit in decimal.whole.iter().chain(decimal.fraction) {
        let shifted = minor.checked_mul(10).ok_or_else(too_large)?;
        minor = shifted
            .checked_add(u128::from(digit - b'0'))
            .ok_or_else(too_large)?;
    }
    if minor == 0 {
        return Ok(0);
    }
    let zeros = u32::try_from(2_i64.saturating_sub(decimals)).map_err(|_| too_large())?;
    10_u128
        .checked_pow(zeros)
        .and_then(|scale| minor.checked_mul(scale))
        .ok_or_else(too_large)
}

/// Splits a decimal number; `None` if the text is not one.
fn split(text: &[u8]) -> Option<Decimal<'_>> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, text) = digits(text);
    if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
        return None;
    }
    let (fraction, text) = match text.strip_prefix(b".") {
        Some(rest) => match digits(rest) {
            ([], _) => return None,
            found => found,
        },
        None => (&[][..], text),
    };
    let exponent = match text {
        [] => 0,
        [b'e' | b'E', rest @ ..] => exponent(rest)?,
        _ => return None,
    };
    Some(Decimal {
        negative,
        whole,
        fraction,
        exponent,
    })
}

/// The leading digits, and what follows them.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The number behind the `e`, saturated: far beyond what any amount can bear it makes no difference.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (digits, rest) = digits(text);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    let magnitude = digits.iter().fold(0_i64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    Some(if negative { -magnitude } else { magnitude })
}

macro_rules! as_string_in_serde {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    };
}

as_string_in_serde!(Money);
as_string_in_serde!(MoneySum);
