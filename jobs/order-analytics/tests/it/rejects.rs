//! Every kind of bad input ends in the dead-letter topic with its reason, and the job goes on.

use std::time::Duration;

use test_support::servers::{on_each_broker, shared_dev_broker};
use weir_kafka::{TopicSpec, ensure};

use crate::job::Job;
use crate::stage::{Order, Stage, header, orders};

/// A good order with one field replaced.
fn with(field: &str, value: &str) -> Option<Vec<u8>> {
    let good = orders(1, 1, 7)[0].json();
    let (head, rest) = good.split_once(&format!("\"{field}\":")).unwrap();
    let end = match rest.as_bytes()[0] {
        b'"' => rest[1..].find('"').unwrap() + 2,
        b'[' => rest.find(']').unwrap() + 1,
        _ => rest.find([',', '}']).unwrap(),
    };
    Some(format!("{head}\"{field}\":{value}{}", &rest[end..]).into_bytes())
}

fn without(field: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8(with(field, "0").unwrap()).unwrap();
    Some(text.replace(&format!("\"{field}\":"), "\"other\":").into_bytes())
}

/// Bad values, and what their reason must say.
fn bad() -> Vec<(Option<Vec<u8>>, &'static str)> {
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut not_utf8 = orders(1, 1, 7)[0].json().into_bytes();
    not_utf8[60] = 0xff;
    let twice = with("user_id", "\"u-1\",\"user_id\":\"u-2\"");
    vec![
        (None, "no value"),
        (Some(Vec::new()), "not JSON"),
        (Some(b"garbage".to_vec()), "not JSON"),
        (Some(not_utf8), "UTF-8"),
        (Some(nested.into_bytes()), ""),
        (Some(b"null".to_vec()), ""),
        (Some(b"[]".to_vec()), ""),
        (twice, "user_id"),
        (without("order_id"), "order_id"),
        (with("user_id", "\"\""), "user_id"),
        (with("user_id", "17"), "user_id"),
        (with("currency", "\"EUR\""), "currency"),
        (with("currency", "\"usd\""), "currency"),
        (with("total_amount", "\"1e400\""), "total_amount"),
        (with("total_amount", "1e400"), "total_amount"),
        (with("total_amount", "\"12.345\""), "total_amount"),
        (with("total_amount", "\"-1.00\""), "total_amount"),
        (with("total_amount", "\"NaN\""), "total_amount"),
        (with("total_amount", "\"99999999999999999999\""), "total_amount"),
        (with("quantity", "0"), "quantity"),
        (with("quantity", "9223372036854775808"), "quantity"),
        (with("quantity", "1.5"), "quantity"),
        (with("created_at", "\"0000-01-01T00:00:00Z\""), "created_at"),
        (with("created_at", "\"9999-12-31T00:00:00Z\""), "created_at"),
        (with("created_at", "\"2026-01-01T00:00:00\""), "created_at"),
        (with("created_at", "\"2026-01-01T00:00:00+0100\""), "created_at"),
        (with("created_at", "-1"), "created_at"),
        // Months ahead of its record.
        (with("created_at", "\"9998-01-01T00:00:00Z\""), "created_at"),
    ]
}

#[test]
fn every_kind_of_bad_input_gets_its_reason_and_the_job_goes_on() {
    on_each_broker(|address| {
        let stage = Stage::new(address);
        stage.make("orders", 1);
        let orders = orders(400, 2, 0);
        stage.write_orders(&orders[..200], 1);
        let bad = bad();
        stage.write_to("orders", 0, bad.iter().map(|(value, _)| value.clone()));
        stage.write_orders(&orders[200..], 1);
        Job::start(&stage.arguments(&["--bounded"])).ends_with(0, Duration::from_secs(60));
        stage.holds(&orders, 60);
        let rejected = stage.read("dlq");
        assert_eq!(rejected.len(), bad.len());
        for (record, (value, reason)) in rejected.iter().zip(&bad) {
            let error = header(record, "error").unwrap();
            assert!(
                !error.is_empty() && error.contains(reason),
                "`{error}` does not name `{reason}`"
            );
            assert_eq!(&record.value, value, "{error}");
            assert_eq!(record.key.as_deref(), Some(stage.name.as_bytes()));
            assert_eq!(header(record, "source_topic"), Some(stage.topic("orders")));
            assert_eq!(header(record, "source_partition").unwrap(), "0");
            assert!(
                header(record, "source_offset").is_some() && header(record, "source_timestamp").is_some()
            );
        }
        assert_eq!(stage.read("late").len(), 0);
    });
}

#[test]
fn a_value_of_50_mb_is_cut_for_the_dead_letter_topic() {
    let stage = Stage::new(&shared_dev_broker());
    let spec = TopicSpec {
        name: stage.topic("orders"),
        partitions: 1,
        configs: vec![("max.message.bytes", "60000000".to_owned())],
    };
    ensure(&stage.connection, &[spec]).unwrap();
    let orders = orders(200, 2, 0);
    stage.write_orders(&orders, 1);
    stage.write(0, [vec![b'x'; 50_000_000]]);
    stage.write(
        0,
        [Order {
            id: 5_000,
            ..orders[199]
        }
        .json()],
    );
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, Duration::from_secs(60));
    let rejected = stage.read("dlq");
    assert_eq!(rejected.len(), 1);
    let original = 50_000_000 + stage.name.len();
    assert_eq!(header(&rejected[0], "truncated"), Some(original.to_string()));
    assert!(rejected[0].value.as_ref().unwrap().len() > 1_000_000);
    let total: u64 = stage.results().values().map(|result| result.order_count()).sum();
    assert_eq!(total, 201);
}
