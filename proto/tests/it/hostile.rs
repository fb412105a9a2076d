//! Bytes of somebody who means harm.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use weir_proto::{AnalyticsResult, Event, Fault, Field, Order, json, order};

use crate::samples;

/// What is judged by the grammar of JSON alone: an event of another type.
fn is_json(members: &str) -> Result<(), Fault> {
    let value = format!("{{\"event_type\":\"other\",\"x\":{members}}}");
    match order::read(value.as_bytes()) {
        Ok(Event::Ignored) => Ok(()),
        Ok(Event::Created(_)) => panic!("`other` became an order"),
        Err(error) => Err(error.fault),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn bytes_never_panic(value in prop_oneof![samples::debris(), proptest::collection::vec(any::<u8>(), 0..200)]) {
        let _ = order::read(&value);
        let _ = Order::from_json(&value);
        let _ = AnalyticsResult::from_json(&value);
    }

    #[test]
    fn serde_json_agrees_on_what_is_json(text in samples::debris()) {
        let Ok(text) = std::str::from_utf8(&text) else { return Ok(()) };
        // It looks at the text between other members, so that it may also end the object early.
        let judge = serde_json::from_str::<serde::de::IgnoredAny>(&format!("{{\"event_type\":\"other\",\"x\":{text}}}"));
        match is_json(text) {
            Ok(()) => prop_assert!(judge.is_ok(), "we take it, serde_json says {judge:?}"),
            // It takes half a surrogate pair in what it skips; a second event_type is for us alone to refuse.
            Err(Fault::Json(json::Fault::LoneSurrogate) | Fault::Duplicate) => {}
            Err(fault) => prop_assert!(judge.is_err(), "serde_json takes it, we say {fault:?}"),
        }
    }

    #[test]
    fn serde_json_decodes_strings_to_the_same(id in samples::id(), ascii in any::<bool>()) {
        let written = if ascii {
            id.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
        } else {
            serde_json::to_string(&id).unwrap().trim_matches('"').to_owned()
        };
        prop_assume!(ascii || !id.starts_with('"') && !id.ends_with('"'));
        let value = samples::PLAIN.replace("o-1", &written);
        let Event::Created(order) = order::read(value.as_bytes()).unwrap() else { panic!("ignored") };
        prop_assert_eq!(order.order_id, id);
    }
}

#[test]
fn nesting_has_a_limit_and_no_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let levels_inside = json::MAX_DEPTH as usize - 1;
    assert_eq!(is_json(&nested(levels_inside)), Ok(()));
    assert_eq!(
        is_json(&nested(levels_inside + 1)),
        Err(Fault::Json(json::Fault::TooDeep))
    );
    assert_eq!(
        is_json(&nested(1_000_000)),
        Err(Fault::Json(json::Fault::TooDeep))
    );
    assert_eq!(
        is_json(&"{\"a\":".repeat(1_000_000)),
        Err(Fault::Json(json::Fault::TooDeep))
    );
}

#[test]
fn fifty_megabytes_are_read_in_linear_time() {
    const BYTES: usize = 50 << 20;
    const ITEM: &str = r#"{"product_id":"m-2","quantity":1,"unit_price":"0.00"},"#;
    // The part of the sample that is replaced by: a beginning, something repeated, an end.
    for (part, begin, repeated, end) in [
        ("o-1", "", "x", ""),
        ("o-1", "", "\\u0041", ""),
        ("o-1", "", "x", "\\n"),
        ("\"129.90\"", "", "9", ""),
        ("129.90", "0.", "0", ""),
        (".123Z", ".1", "0", "Z"),
        ("{", "{\"note\":\"", "x", "\","),
        ("{", "{", "\"a\":0,", ""),
        ("{", "{\"", "x", "\":1,"),
        ("{", "{", " ", ""),
        ("{", "[", "[],", "{"),
        ("[{", "[", ITEM, "{"),
    ] {
        let long = format!("{begin}{}{end}", repeated.repeat(BYTES / repeated.len()));
        let value = samples::PLAIN.replacen(part, &long, 1);
        let what = format!("`{begin}{repeated}...{end}`");
        let start = Instant::now();
        let error = order::read(value.as_bytes()).err();
        let elapsed = start.elapsed();
        // Some hundred times what it takes, and far less than anything that is not linear.
        assert!(elapsed < Duration::from_secs(20), "{what}: {elapsed:?}");
        let length = error.map_or(0, |error| error.to_string().len());
        assert!(
            length < 300,
            "{what}: an error of {length} bytes does not fit a header"
        );
    }
}

#[test]
fn a_fault_after_fifty_megabytes_is_found_where_it_is() {
    let blanks = 50 << 20;
    let value = " ".repeat(blanks) + "{\"order_id\":tru}";
    let error = order::read(value.as_bytes()).unwrap_err();
    assert_eq!(
        (error.field, error.offset),
        (Field::Named("order_id"), blanks + 15)
    );
}
