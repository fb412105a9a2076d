//! Sums of decimals from their digits; no float is involved.

/// Digits behind the point that are kept.
const SCALE: usize = 9;
const ONE: i128 = 1_000_000_000;

/// An exact decimal with nine digits behind the point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decimal(i128);

impl Decimal {
    /// Reads an optional sign, digits, and an optional fraction of at most nine digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > SCALE || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let fraction: i128 = format!("{fraction:0<SCALE$}").parse().ok()?;
        let units = whole.checked_mul(ONE)?.checked_add(fraction)?;
        Some(Self(if negative { -units } else { units }))
    }

    /// This many times the value.
    pub(crate) fn times(self, count: i64) -> Option<Self> {
        self.0.checked_mul(i128::from(count)).map(Self)
    }

    /// The sum of both.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl std::fmt::Display for Decimal {
    /// At least two digits behind the point, more only where they are not zero.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = self.0.unsigned_abs();
        let one = ONE.unsigned_abs();
        let fraction = format!("{:09}", units % one);
        let kept = fraction.trim_end_matches('0').len().max(2);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(formatter, "{sign}{}.{}", units / one, &fraction[..kept])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_as_they_are() {
        for (text, shown) in [
            ("2.55", "2.55"),
            ("38970", "38970.00"),
            ("0.001", "0.001"),
            ("-11062.06", "-11062.06"),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_sum_of_prices_is_exact() {
        let price = Decimal::parse("0.10").unwrap();
        assert_eq!(price.times(3).unwrap().plus(price).unwrap().to_string(), "0.40");
    }

    #[test]
    fn what_is_no_decimal_is_none() {
        for text in ["", "-", ".5", "1e3", "NaN", "1.2.3", "1,5", "+1", "1.0000000001"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
