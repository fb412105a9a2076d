//! The calendar, and both ways to read it.

use proptest::prelude::*;
use weir_proto::{Event, Timestamp, order};

use crate::samples;

const DAY_MS: i64 = 86_400_000;

#[test]
fn every_day_of_eight_thousand_years_has_its_number() {
    let (mut year, mut month, mut day) = (1970, 1, 1);
    let mut number = 0;
    while year < 10_000 {
        let midnight = Timestamp::from_millis(number * DAY_MS).unwrap();
        let text = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
        assert_eq!(midnight.to_string(), text);
        assert_eq!(Timestamp::parse_rfc3339(&text), Ok(midnight));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 => 28 + i32::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        number += 1;
        day += 1;
        if day > last {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    assert_eq!(Timestamp::LAST.millis(), number * DAY_MS - 1);
    assert_eq!(Timestamp::from_millis(number * DAY_MS), None);
    assert_eq!(Timestamp::from_millis(-1), None);
}

#[test]
fn the_end_of_the_last_window_can_be_told() {
    assert_eq!(Timestamp::LAST_EVENT.to_string(), "9998-12-31T23:59:59.999Z");
    assert!(Timestamp::parse_rfc3339("9999-01-01T00:00:00Z").is_ok());
}

proptest! {
    #[test]
    fn what_is_shown_is_read_again(time in samples::event_time()) {
        prop_assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Ok(time));
        let value = samples::PLAIN.replace("2026-11-23T02:36:00.123Z", &time.to_string());
        let Ok(Event::Created(order)) = order::read(value.as_bytes()) else { panic!("{value}") };
        prop_assert_eq!(order.created_at, time);
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&serde_json::to_string(&time).unwrap()).unwrap(), time);
    }

    #[test]
    fn an_offset_is_taken_off(time in samples::event_time(), minutes in -1439..=1439_i64) {
        let there = time.millis() + minutes * 60_000;
        prop_assume!((0..=Timestamp::LAST.millis()).contains(&there));
        let sign = if minutes < 0 { '-' } else { '+' };
        let local = Timestamp::from_millis(there).unwrap().to_string();
        let text =
            format!("{}{sign}{:02}:{:02}", local.trim_end_matches('Z'), minutes.abs() / 60, minutes.abs() % 60);
        prop_assert_eq!(Timestamp::parse_rfc3339(&text), Ok(time));
    }

    #[test]
    fn any_text_is_judged_without_a_panic(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:]{8}(\\.[0-9]{0,5})?([Zz]|[+-][0-9:]{5})") {
        let _ = Timestamp::parse_rfc3339(&text);
    }
}
