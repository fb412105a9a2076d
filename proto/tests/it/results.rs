//! The analytics result as JSON.

use std::ops::Range;

use proptest::prelude::*;
use weir_proto::{AnalyticsResult, Fault, Field, MoneySum, ResultTotals, Timestamp};

const PLAIN: &str = r#"{"window_start":"2026-11-23T02:36:00Z","window_end":"2026-11-23T02:37:00Z","order_count":3,"total_revenue":"389.70","total_items":7,"unique_users":2,"average_order_value":"129.90","revision":0}"#;

fn error_of(what: &str, by: &str) -> String {
    assert!(PLAIN.contains(what), "{what} is not in the sample");
    AnalyticsResult::from_json(PLAIN.replacen(what, by, 1).as_bytes())
        .unwrap_err()
        .to_string()
}

fn plain_window() -> Range<Timestamp> {
    let at = |text| Timestamp::parse_rfc3339(text).unwrap();
    at("2026-11-23T02:36:00Z")..at("2026-11-23T02:37:00Z")
}

fn plain_totals() -> ResultTotals {
    ResultTotals {
        order_count: 3,
        total_revenue: MoneySum::from_minor(38_970),
        total_items: 7,
        unique_users: 2,
    }
}

#[test]
fn the_documented_result_is_written_byte_for_byte() {
    let result = AnalyticsResult::new(plain_window(), plain_totals(), 0).unwrap();
    assert_eq!(String::from_utf8(result.to_json()).unwrap(), PLAIN);
    assert_eq!(AnalyticsResult::from_json(PLAIN.as_bytes()), Ok(result));
    assert_eq!(serde_json::to_string(&result).unwrap(), PLAIN);
    assert_eq!(result.key(), "2026-11-23T02:36:00Z");
}

#[test]
fn a_result_holds_what_it_was_made_of() {
    let result = AnalyticsResult::new(plain_window(), plain_totals(), 12).unwrap();
    assert_eq!(result.window_start()..result.window_end(), plain_window());
    assert_eq!(result.totals(), plain_totals());
    assert_eq!(
        (result.order_count(), result.total_items(), result.unique_users()),
        (3, 7, 2)
    );
    assert_eq!(result.total_revenue().to_string(), "389.70");
    assert_eq!(result.average_order_value().to_string(), "129.90");
    assert_eq!(result.revision(), 12);
}

#[test]
fn parts_that_are_no_result_are_refused_with_the_field_and_its_fault() {
    let error_of = |change: fn(&mut ResultTotals)| {
        let mut totals = plain_totals();
        change(&mut totals);
        let error = AnalyticsResult::new(plain_window(), totals, 0).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        error_of(|totals| totals.order_count = 0),
        "order_count: `0` is not between 1 and 9223372036854775807"
    );
    assert_eq!(
        error_of(|totals| totals.order_count = u64::MAX),
        "order_count: `18446744073709551615` is not between 1 and 9223372036854775807"
    );
    assert_eq!(
        error_of(|totals| totals.total_revenue = MoneySum::from_minor(-1)),
        "total_revenue: `-0.01` is negative"
    );
    assert_eq!(
        error_of(|totals| totals.total_items = -7),
        "total_items: `-7` is not between 1 and 9223372036854775807"
    );
    assert_eq!(
        error_of(|totals| totals.total_items = 2),
        "total_items: is less than order_count"
    );
    assert_eq!(
        error_of(|totals| totals.unique_users = 0),
        "unique_users: `0` is not between 1 and 9223372036854775807"
    );
    assert_eq!(
        error_of(|totals| totals.unique_users = 4),
        "unique_users: is more than order_count"
    );
    let Range { start, end } = plain_window();
    for window in [start..start, end..start] {
        let error = AnalyticsResult::new(window, plain_totals(), 0).unwrap_err();
        assert_eq!(error.field(), Field::Named("window_end"));
        assert_eq!(error.fault(), &Fault::Contradiction("is not after window_start"));
    }
}

#[test]
fn what_we_cannot_have_written_is_refused() {
    assert_eq!(
        error_of("\"129.90\"", "\"129.91\""),
        "average_order_value: is not total_revenue / order_count (byte 149)"
    );
    assert_eq!(
        error_of(":2,", ":4,"),
        "unique_users: is more than order_count (byte 132)"
    );
    assert_eq!(
        error_of(":7,", ":2,"),
        "total_items: is less than order_count (byte 116)"
    );
    assert_eq!(
        error_of("02:37", "02:36"),
        "window_end: is not after window_start (byte 39)"
    );
    assert_eq!(
        error_of(":3,", ":0,"),
        "order_count: `0` is not between 1 and 9223372036854775807 (byte 89)"
    );
    assert_eq!(
        error_of("\"revision\":0", "\"revision\":-1"),
        "revision: `-1` is not between 0 and 4294967295 (byte 191)"
    );
    assert_eq!(
        error_of("\"revision\":0", "\"revision\":-0"),
        "revision: `-0` is not between 0 and 4294967295 (byte 191)"
    );
    assert_eq!(
        error_of("2026-11-23T02:37:00Z", "9999-12-31T23:59:59-00:01"),
        "window_end: `9999-12-31T23:59:59-00:01` is before 1970 or after 9999-12-31T23:59:59.999Z (byte 52)"
    );
    assert_eq!(
        error_of("389.70", "-389.70"),
        "total_revenue: `-389.70` is negative (byte 107)"
    );
    assert_eq!(
        error_of("{", "{\"extra\":1,"),
        "value: unknown field `extra` (byte 1)"
    );
    assert_eq!(error_of(",\"revision\":0", ""), "revision: is missing (byte 179)");
    assert_eq!(
        error_of("\"revision\":0", "\"revision\":0,\"revision\":0"),
        "revision: stands there twice (byte 193)"
    );
    assert_eq!(
        error_of("0}", "0}}"),
        "value: not JSON: expected the end, found `}` (byte 193)"
    );
    assert_eq!(
        AnalyticsResult::from_json(b"[]").unwrap_err().to_string(),
        "value: expected an object, found an array (byte 0)"
    );
}

/// The fields of the sample as they stand there, name and value.
fn fields() -> impl Iterator<Item = &'static str> {
    PLAIN.trim_matches(['{', '}']).split(',')
}

#[test]
fn each_field_of_a_result_must_be_there_once_and_of_its_type() {
    assert_eq!(fields().count(), 8);
    for field in fields() {
        let (quoted, value) = field.split_once(':').unwrap();
        let name = quoted.trim_matches('"');
        let others: Vec<_> = fields().filter(|other| *other != field).collect();
        let missing = AnalyticsResult::from_json(format!("{{{}}}", others.join(",")).as_bytes()).unwrap_err();
        assert_eq!(
            (missing.field, missing.fault),
            (Field::Named(name), Fault::Missing)
        );

        let twice = AnalyticsResult::from_json(format!("{{{field},{}", &PLAIN[1..]).as_bytes()).unwrap_err();
        assert_eq!((twice.field, twice.fault), (Field::Named(name), Fault::Duplicate));

        for other in ["null", "true", "[1]", "{\"a\":1}"] {
            let value_at = PLAIN.find(field).unwrap() + quoted.len() + 1;
            let spoilt = PLAIN.replacen(field, &format!("{quoted}:{other}"), 1);
            let error = AnalyticsResult::from_json(spoilt.as_bytes()).unwrap_err();
            assert_eq!((error.field, error.offset), (Field::Named(name), value_at));
            assert!(matches!(error.fault, Fault::WrongType { .. }), "{value}: {error}");
        }
    }
}

/// Counts about the edges of what one may be; as a signed number the largest is negative.
fn counts() -> impl Strategy<Value = u64> {
    let most = i64::MAX.unsigned_abs();
    prop_oneof![4 => 0..5_u64, 1 => most - 1..most + 2, 1 => Just(u64::MAX)]
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(
        start in 0..Timestamp::LAST_EVENT.millis() - 86_400_000,
        length in 1..86_400_000_i64,
        order_count in 1..=i64::MAX.unsigned_abs(),
        revenue in 0..=i128::MAX,
        items in 1..=i64::MAX,
        users in any::<prop::sample::Index>(),
        revision in any::<u32>(),
    ) {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let totals = ResultTotals {
            order_count,
            total_revenue: MoneySum::from_minor(revenue),
            total_items: items.max(i64::try_from(order_count).unwrap()),
            unique_users: 1 + users.index(usize::try_from(order_count).unwrap()) as u64,
        };
        let result = AnalyticsResult::new(at(start)..at(start + length), totals, revision).unwrap();
        let value = result.to_json();
        prop_assert_eq!(AnalyticsResult::from_json(&value), Ok(result));
        prop_assert_eq!(serde_json::to_vec(&result).unwrap(), value);
    }

    #[test]
    fn parts_are_taken_if_and_only_if_the_reader_takes_what_they_come_to(
        (start, end) in (0..5_i64, 0..5_i64),
        (order_count, unique_users) in (counts(), counts()),
        total_items in counts().prop_map(|count| count as i64),
        cents in -3..30_i128,
    ) {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let total_revenue = MoneySum::from_minor(cents);
        let totals = ResultTotals { order_count, total_revenue, total_items, unique_users };
        let (start, end) = (at(start), at(end));
        let average = total_revenue.average(order_count);
        let value = format!(
            r#"{{"window_start":"{start}","window_end":"{end}","order_count":{order_count},"total_revenue":"{total_revenue}","total_items":{total_items},"unique_users":{unique_users},"average_order_value":"{average}","revision":0}}"#
        );
        prop_assert_eq!(
            AnalyticsResult::new(start..end, totals, 0).ok(),
            AnalyticsResult::from_json(value.as_bytes()).ok()
        );
    }

    #[test]
    fn a_spoilt_result_is_refused_or_means_what_it_says(at in 0..PLAIN.len(), byte in any::<u8>()) {
        let mut value = PLAIN.as_bytes().to_vec();
        value[at] = byte;
        if let Ok(result) = AnalyticsResult::from_json(&value) {
            let again = AnalyticsResult::from_json(&result.to_json());
            prop_assert_eq!(again, Ok(result));
        }
    }
}
