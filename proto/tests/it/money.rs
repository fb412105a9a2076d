//! Amounts, sums and averages.

use proptest::prelude::*;
use weir_proto::{Money, MoneyError, MoneySum};

#[test]
fn an_exponent_moves_the_point_and_nothing_else() {
    for (text, minor) in [
        ("1e2", 10_000),
        ("1.5E+1", 1500),
        ("1250e-2", 1250),
        ("0e400", 0),
        ("0.0e99999999999999999999", 0),
    ] {
        assert_eq!(Money::parse(text).map(Money::minor), Ok(minor), "{text}");
    }
    for text in ["1e-3", "10e-3", "1e-99999999999999999999", "0e-3"] {
        assert!(
            matches!(Money::parse(text), Err(MoneyError::TooPrecise(_))),
            "{text}"
        );
    }
    for text in [
        "1e17",
        "1e99999999999999999999",
        "92233720368547758.08",
        "1e36",
        "1e39",
    ] {
        assert!(
            matches!(Money::parse(text), Err(MoneyError::TooLarge(_))),
            "{text}"
        );
    }
    for text in [
        "e2", "1e", "1e+", "1.e2", ".5", "5.", "0x1", "1_0", "\u{661}", "1 ", "--1", "Infinity",
    ] {
        assert!(
            matches!(Money::parse(text), Err(MoneyError::NotDecimal(_))),
            "{text}"
        );
    }
}

#[test]
fn a_half_goes_to_the_even_cent() {
    for (minor, count, average) in [
        (5, 2, 2),
        (15, 2, 8),
        (25, 2, 12),
        (7, 3, 2),
        (8, 3, 3),
        (-5, 2, -2),
        (-15, 2, -8),
        (1, 0, 0),
    ] {
        assert_eq!(
            MoneySum::from_minor(minor).average(count),
            MoneySum::from_minor(average),
            "{minor}/{count}"
        );
    }
    let most = MoneySum::from_minor(i128::MAX);
    assert_eq!(most.average(1), most);
    assert_eq!(MoneySum::from_minor(-5).to_string(), "-0.05");
}

proptest! {
    #[test]
    fn what_is_shown_is_read_again(minor in 0..=i64::MAX) {
        let amount = Money::from_minor(minor).unwrap();
        prop_assert_eq!(Money::parse(&amount.to_string()), Ok(amount));
        prop_assert_eq!(MoneySum::parse(&amount.to_string()), Ok(MoneySum::from(amount)));
        prop_assert_eq!(serde_json::from_str::<Money>(&serde_json::to_string(&amount).unwrap()).unwrap(), amount);
    }

    #[test]
    fn a_sum_that_is_shown_is_read_again(minor in 0..=i128::MAX) {
        let sum = MoneySum::from_minor(minor);
        prop_assert_eq!(MoneySum::parse(&sum.to_string()), Ok(sum));
    }

    #[test]
    fn an_average_is_the_nearest_cent(minor in -10_000_000_000_i128..10_000_000_000, count in 1..5000_u64) {
        let average = MoneySum::from_minor(minor).average(count).minor();
        let twice_error = 2 * (average * i128::from(count) - minor).abs();
        prop_assert!(twice_error <= i128::from(count));
        prop_assert!(twice_error < i128::from(count) || average % 2 == 0);
    }

    #[test]
    fn what_is_read_is_what_serde_json_calls_a_number(text in "-?[0-9]{0,3}(\\.[0-9]{0,2})?([eE][+-]?[0-9]{0,1})?") {
        let judge = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(!matches!(Money::parse(&text), Err(MoneyError::NotDecimal(_))), judge);
    }
}
