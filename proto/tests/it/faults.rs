//! Each kind of bad input and what is said about it.

use weir_proto::{Event, Order, OrderError, order};

use crate::samples::PLAIN;

/// The error of [`PLAIN`] with `what` replaced by `by`, and where in the value the replacement begins.
fn error_of(what: &str, by: &str) -> String {
    assert!(PLAIN.contains(what), "{what} is not in the sample");
    match order::read(PLAIN.replacen(what, by, 1).as_bytes()) {
        Err(error) => error.to_string(),
        Ok(event) => panic!("{by} was read as {event:?}"),
    }
}

fn read(what: &str, by: &str) -> order::OrderView<'static> {
    let value = PLAIN.replacen(what, by, 1).leak();
    match order::read(value.as_bytes()) {
        Ok(Event::Created(order)) => order,
        other => panic!("{by} was read as {other:?}"),
    }
}

#[test]
fn the_kind_of_value_is_told() {
    let of = |value: &[u8]| order::read(value).unwrap_err().to_string();
    assert_eq!(
        of(b""),
        "value: not JSON: expected a value, found the end (byte 0)"
    );
    assert_eq!(of(b"null"), "value: expected an object, found null (byte 0)");
    assert_eq!(of(b" [1]"), "value: expected an object, found an array (byte 1)");
    assert_eq!(
        of(b"\"text\""),
        "value: expected an object, found a string (byte 0)"
    );
    assert_eq!(of(b"{}"), "order_id: is missing (byte 1)");
    assert_eq!(
        of(b"{} {}"),
        "value: not JSON: expected the end, found `{` (byte 3)"
    );
    assert_eq!(of(b"\xff"), "value: not UTF-8 (byte 0)");
    assert_eq!(
        of("\u{feff}{}".as_bytes()),
        "value: not JSON: expected a value, found `\\u{feff}` (byte 0)"
    );
    assert_eq!(
        OrderError::no_value().to_string(),
        "value: the record has no value (a tombstone) (byte 0)"
    );
}

#[test]
fn bytes_that_are_not_utf_8_are_found_anywhere() {
    for at in 0..PLAIN.len() {
        let mut value = PLAIN.as_bytes().to_vec();
        value[at] = 0xC3;
        let error = order::read(&value).unwrap_err();
        assert_eq!(error.to_string(), format!("value: not UTF-8 (byte {at})"));
    }
}

#[test]
fn amounts_are_decided_by_their_digits() {
    for (amount, fault) in [
        ("\"1e400\"", "`1e400` is too large"),
        ("1e400", "`1e400` is too large"),
        ("\"-0.00\"", "`-0.00` is negative"),
        ("-0.00", "`-0.00` is negative"),
        ("\"12.345\"", "`12.345` has more than two decimals"),
        ("12.345", "`12.345` has more than two decimals"),
        ("12.300", "`12.300` has more than two decimals"),
        ("\"NaN\"", "`NaN` is not a decimal number"),
        ("\"\"", "`` is not a decimal number"),
        ("\" 1\"", "` 1` is not a decimal number"),
        ("\"1,50\"", "`1,50` is not a decimal number"),
        ("\"+1\"", "`+1` is not a decimal number"),
        ("\"007\"", "`007` is not a decimal number"),
        ("\"92233720368547758.08\"", "`92233720368547758.08` is too large"),
        ("92233720368547758.08", "`92233720368547758.08` is too large"),
        ("null", "expected a decimal as a string or a number, found null"),
        (
            "{\"a\":[]}",
            "expected a decimal as a string or a number, found an object",
        ),
        (
            "true",
            "expected a decimal as a string or a number, found a boolean",
        ),
    ] {
        assert_eq!(
            error_of("\"129.90\"", amount),
            format!("total_amount: {fault} (byte 96)")
        );
    }
    assert_eq!(
        error_of("\"129.90\"", "NaN"),
        "total_amount: not JSON: expected a value, found `N` (byte 96)"
    );
    assert_eq!(
        error_of("\"129.90\"", "01"),
        "value: not JSON: expected `,` or `}`, found `1` (byte 97)"
    );
    assert_eq!(
        error_of("64.95", "64.951"),
        "items[0].unit_price: `64.951` has more than two decimals (byte 161)"
    );
    for (amount, minor) in [
        ("129.9", 12_990),
        ("129", 12_900),
        ("\"0\"", 0),
        ("1.299E2", 12_990),
        ("\"1e2\"", 10_000),
        ("\"92233720368547758.07\"", i64::MAX),
        ("\"\\u0031\"", 100),
    ] {
        assert_eq!(read("\"129.90\"", amount).total_amount.minor(), minor, "{amount}");
    }
}

#[test]
fn quantities_are_positive_integers_whose_sum_is_bounded() {
    let range = "is not between 1 and 2147483647";
    for (quantity, fault) in [
        ("0", format!("`0` {range}")),
        ("-1", format!("`-1` {range}")),
        ("-0", format!("`-0` {range}")),
        ("9223372036854775808", format!("`9223372036854775808` {range}")),
        ("2147483648", format!("`2147483648` {range}")),
        ("2.0", "`2.0` is not an integer".to_owned()),
        ("2e0", "`2e0` is not an integer".to_owned()),
        ("\"2\"", "expected an integer, found a string".to_owned()),
        ("null", "expected an integer, found null".to_owned()),
    ] {
        let error = error_of(":2,", &format!(":{quantity},"));
        assert_eq!(error, format!("items[0].quantity: {fault} (byte 146)"));
    }
    assert_eq!(
        error_of(":2,", ":2147483647,"),
        "items[1].quantity: the quantities add up to more than 2147483647 (byte 210)"
    );
    assert_eq!(read(":2,", ":2147483646,").total_items, order::MAX_ITEMS);
}

#[test]
fn times_are_rfc_3339_or_milliseconds() {
    let own = "\"2026-11-23T02:36:00.123Z\"";
    let out_of_range = "is before 1970 or after 9998-12-31T23:59:59.999Z";
    let not_rfc = "is not an RFC 3339 time with an offset, such as 2026-11-23T02:36:00.123Z";
    let nowhere = "names a date or time that does not exist";
    for (time, fault) in [
        ("0000-01-01T00:00:00Z", out_of_range),
        ("1969-12-31T23:59:59.999Z", out_of_range),
        ("1970-01-01T00:30:00+01:00", out_of_range),
        ("9999-01-01T00:00:00Z", out_of_range),
        ("9998-12-31T23:59:59-00:01", out_of_range),
        ("2026-11-23T02:36:00+0100", not_rfc),
        ("2026-11-23T02:36:00+01", not_rfc),
        ("2026-11-23T02:36:00", not_rfc),
        ("2026-11-23 02:36:00Z", not_rfc),
        ("2026-11-23T02:36Z", not_rfc),
        ("2026-11-23T02:36:00.Z", not_rfc),
        ("2026-11-23", not_rfc),
        ("10000-01-01T00:00:00Z", not_rfc),
        ("1763865360000", not_rfc),
        ("", not_rfc),
        ("2026-02-29T00:00:00Z", nowhere),
        ("2026-13-01T00:00:00Z", nowhere),
        ("2026-11-23T24:00:00Z", nowhere),
        ("2026-11-23T23:59:61Z", nowhere),
        ("2026-11-23T23:59:60Z", nowhere),
        ("2026-11-23T02:36:00+24:00", nowhere),
    ] {
        let error = error_of(own, &format!("\"{time}\""));
        assert_eq!(error, format!("created_at: `{time}` {fault} (byte 238)"));
    }
    for (time, fault) in [
        ("-1", "`-1` is before 1970 or after 9998-12-31T23:59:59.999Z"),
        ("-0", "`-0` is before 1970 or after 9998-12-31T23:59:59.999Z"),
        (
            "253370764800000",
            "`253370764800000` is before 1970 or after 9998-12-31T23:59:59.999Z",
        ),
        (
            "9223372036854775808",
            "`9223372036854775808` is before 1970 or after 9998-12-31T23:59:59.999Z",
        ),
        ("1763865360000.5", "`1763865360000.5` is not an integer"),
        ("1.7e12", "`1.7e12` is not an integer"),
        ("null", "expected a time as a string or an integer, found null"),
    ] {
        assert_eq!(error_of(own, time), format!("created_at: {fault} (byte 238)"));
    }
    for (time, shown) in [
        ("\"2026-11-23T02:36:00.1239Z\"", "2026-11-23T02:36:00.123Z"),
        ("\"2026-11-23T02:36:00.1Z\"", "2026-11-23T02:36:00.100Z"),
        ("\"2026-11-23t03:36:00+01:00\"", "2026-11-23T02:36:00Z"),
        ("\"1969-12-31T23:30:00-00:30\"", "1970-01-01T00:00:00Z"),
        ("\"2016-12-31T23:59:60.5Z\"", "2016-12-31T23:59:59.999Z"),
        ("\"2017-01-01T00:59:60+01:00\"", "2016-12-31T23:59:59.999Z"),
        ("0", "1970-01-01T00:00:00Z"),
        ("253370764799999", "9998-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(read(own, time).created_at.to_string(), shown, "{time}");
    }
}

#[test]
fn ids_have_a_length() {
    assert_eq!(error_of("\"u-17\"", "\"\""), "user_id: is empty (byte 57)");
    assert_eq!(
        error_of("\"u-17\"", "17"),
        "user_id: expected a string, found a number (byte 57)"
    );
    assert_eq!(
        error_of("\"u-17\"", "null"),
        "user_id: expected a string, found null (byte 57)"
    );
    assert_eq!(
        error_of("u-17", &"u".repeat(257)),
        "user_id: is longer than 256 bytes (byte 57)"
    );
    assert_eq!(
        error_of("u-17", &"\u{e9}".repeat(129)),
        "user_id: is longer than 256 bytes (byte 57)"
    );
    assert_eq!(read("u-17", &"\\u0075".repeat(256)).user_id.len(), 256);
    assert_eq!(error_of("\"o-1\"", "\"\""), "order_id: is empty (byte 41)");
    assert_eq!(
        error_of("\"m-2\"", "\"\""),
        "items[1].product_id: is empty (byte 184)"
    );
    assert_eq!(
        error_of("u-17", "\\ud800"),
        "user_id: not text: half of a surrogate pair (byte 58)"
    );
    assert_eq!(
        error_of("u-17", "a\nb"),
        "user_id: not JSON: control character U+000A in a string (byte 59)"
    );
}

#[test]
fn a_currency_is_three_upper_case_letters() {
    for code in ["usd", "US", "USDT", "U$D", "", "\u{20ac}"] {
        let error = error_of("USD", code);
        assert_eq!(
            error,
            format!("currency: `{code}` is not a currency code of three upper-case letters (byte 75)")
        );
    }
    assert_eq!(read("USD", "XXX").currency, "XXX");
}

#[test]
fn another_currency_is_told_with_its_place_whoever_read_it() {
    let fault = "currency: `XXX` is not `USD`, the one currency that is summed";
    for (layout, offset) in [("\"currency\":\"USD\"", 75), ("\"currency\" : \"USD\"", 77)] {
        let order = read("\"currency\":\"USD\"", &layout.replace("USD", "XXX"));
        assert_eq!(
            order.other_currency("USD").to_string(),
            format!("{fault} (byte {offset})")
        );
    }
}

#[test]
fn an_order_that_is_wanted_says_where_another_type_stands() {
    let error = Order::from_json(br#"{"a":1, "event_type": "order.paid"}"#).unwrap_err();
    assert_eq!(error.to_string(), "event_type: is not `order.created` (byte 22)");
}

#[test]
fn items_are_a_list_that_is_not_empty() {
    let start = PLAIN.find("[{").unwrap();
    let end = PLAIN.find("}]").unwrap() + 2;
    let items = &PLAIN[start..end];
    assert_eq!(error_of(items, "[]"), format!("items: is empty (byte {start})"));
    assert_eq!(
        error_of(items, "{}"),
        format!("items: expected an array, found an object (byte {start})")
    );
    assert_eq!(
        error_of(items, "[1]"),
        format!(
            "items[0]: expected an object, found a number (byte {})",
            start + 1
        )
    );
    assert_eq!(
        error_of(items, "[{}]"),
        format!("items[0].product_id: is missing (byte {})", start + 2)
    );
    assert_eq!(
        error_of(items, "[{\"product_id\":\"a\",\"quantity\":1}]"),
        format!("items[0].unit_price: is missing (byte {})", start + 31)
    );
}

#[test]
fn each_missing_field_is_named() {
    for field in [
        "order_id",
        "user_id",
        "currency",
        "total_amount",
        "items",
        "created_at",
    ] {
        let error = error_of(&format!("\"{field}\":"), &format!("\"not_{field}\":"));
        assert_eq!(error, format!("{field}: is missing (byte {})", PLAIN.len() + 3));
    }
    assert_eq!(read("\"event_type\":\"order.created\",", "").order_id, "o-1");
}

#[test]
fn a_field_that_stands_there_twice_is_refused() {
    for field in [
        "event_type",
        "order_id",
        "user_id",
        "currency",
        "total_amount",
        "items",
        "created_at",
    ] {
        let value = PLAIN.replacen('{', &format!("{{\"{field}\":\"order.created\","), 1);
        let at = value.rfind(&format!("\"{field}\"")).unwrap();
        let error = order::read(value.as_bytes()).unwrap_err().to_string();
        if field == "event_type" || field.ends_with("_id") {
            assert_eq!(error, format!("{field}: stands there twice (byte {at})"));
        } else {
            assert!(error.starts_with(&format!("{field}: ")), "{error}");
        }
    }
    assert_eq!(
        error_of("\"quantity\":2", "\"quantity\":2,\"quantity\":2"),
        "items[0].quantity: stands there twice (byte 148)"
    );
    assert_eq!(
        error_of("\"user_id\":", "\"order\\u005fid\":\"o-1\",\"user_id\":"),
        "order_id: stands there twice (byte 47)"
    );
}

#[test]
fn unknown_fields_are_ignored_but_must_be_json() {
    assert_eq!(
        read("{", "{\"note\":{\"a\":[1,{\"b\":null}]},\"note\":1e999,").order_id,
        "o-1"
    );
    assert_eq!(
        read("\"quantity\"", "\"colour\":[[]],\"quantity\"").total_items,
        3
    );
    assert_eq!(
        error_of("{", "{\"note\":[1,],"),
        "value: not JSON: expected a value, found `]` (byte 11)"
    );
}

#[test]
fn an_event_of_another_type_is_judged_by_nothing_else() {
    for value in [
        r#"{"event_type":"order.cancelled"}"#,
        r#"{"order_id":7,"items":"none","event_type":"order.paid","created_at":null}"#,
        r#"{"event_type":""}"#,
    ] {
        assert_eq!(order::read(value.as_bytes()), Ok(Event::Ignored), "{value}");
    }
    let long = format!("{{\"event_type\":\"{}\"}}", "x".repeat(1000));
    assert_eq!(order::read(long.as_bytes()), Ok(Event::Ignored));
    assert_eq!(
        order::read(br#"{"event_type":null}"#).unwrap_err().to_string(),
        "event_type: expected a string, found null (byte 14)"
    );
    assert_eq!(
        order::read(br#"{"event_type":"order.paid","a":}"#)
            .unwrap_err()
            .to_string(),
        "value: not JSON: expected a value, found `}` (byte 31)"
    );
}

#[test]
fn an_error_never_repeats_more_than_a_glimpse_of_the_value() {
    let error = error_of("129.90", &"9".repeat(100_000));
    assert!(error.len() < 200, "{} bytes", error.len());
    let error = error_of("USD", "\\u0000\\n\\u001b[31m");
    assert!(!error.chars().any(char::is_control), "{error}");
    assert_eq!(
        error_of("USD", "\u{202e}\u{2028}\u{feff}\\u0022\u{e9}"),
        "currency: `\\u{202e}\\u{2028}\\u{feff}\"\u{e9}` is not a currency code of three upper-case letters (byte 75)"
    );
}
