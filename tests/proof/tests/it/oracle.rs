//! The judge itself: it must pass what is right and find each thing that is wrong.

use proof::feed::{Feed, GARBAGE, Layout, MAY_BE_LATE, OrderText, Planned, Shape, garbage};
use proof::kafka::Record;
use proof::oracle::{Evidence, ParquetWindow, Rules, Totals, faultless_results, judge};

const START: i64 = 1_709_157_600_000;

fn rules() -> Rules {
    Rules {
        window_ms: 60_000,
        lag_ms: 10_000,
        lateness_ms: 60_000,
        ahead_ms: 60_000,
        currency: "USD".to_owned(),
        may_be_late: MAY_BE_LATE.to_owned(),
    }
}

/// The log these records would give.
fn log(records: Vec<Planned>) -> Evidence {
    let mut evidence = Evidence {
        orders_topic: "orders".to_owned(),
        ..Evidence::default()
    };
    let mut ends = [0_i64; 16];
    for planned in records {
        let offset = ends[planned.partition as usize];
        ends[planned.partition as usize] += 1;
        let record = Record {
            partition: planned.partition,
            offset,
            timestamp: planned.timestamp,
            key: planned.key,
            value: planned.value,
            headers: Vec::new(),
        };
        evidence.orders.insert((record.partition, offset), record);
    }
    evidence
}

fn reject(record: &Record, offset: i64) -> Record {
    let header = |name: &str, value: String| (name.to_owned(), value.into_bytes());
    Record {
        partition: 0,
        offset,
        headers: vec![
            header("error", "a reason".to_owned()),
            header("source_topic", "orders".to_owned()),
            header("source_partition", record.partition.to_string()),
            header("source_offset", record.offset.to_string()),
            header("source_timestamp", record.timestamp.to_string()),
        ],
        ..record.clone()
    }
}

fn order(id: &str, user: &str, minor: i64, at_ms: i64) -> OrderText {
    OrderText::new(id, user, vec![("p-1".to_owned(), 1, minor)], at_ms)
}

fn planned(partition: i32, order: &OrderText, layout: Layout) -> Planned {
    Planned {
        partition,
        timestamp: order.created_ms,
        key: Some(order.order_id.clone().into_bytes()),
        value: Some(layout.write(order)),
    }
}

/// A faultless outcome of a small log: three windows, one bad record, one late order.
fn faultless() -> Evidence {
    let mut records = vec![
        planned(0, &order("o-1", "u-1", 1_000, START), Layout::Own),
        planned(1, &order("o-2", "u-1", 1_001, START + 59_999), Layout::Numbers),
        planned(1, &order("o-1", "u-1", 1_000, START), Layout::Escaped),
        planned(0, &order("o-3", "u-2", 333, START + 60_000), Layout::Loose),
        planned(0, &order("o-4", "u-3", 500, START + 300_000), Layout::Offset),
        planned(0, &order("late-5", "u-3", 500, START), Layout::Own),
        planned(0, &order("o-6", "u-3", 500, START + 300_000), Layout::Paid),
    ];
    let bad = order("bad-7", "u-1", 5, START);
    records.push(Planned {
        value: Some(garbage("amount NaN", &bad)),
        ..planned(2, &bad, Layout::Own)
    });
    let mut evidence = log(records);
    let (late, dead) = (evidence.orders[&(0, 3)].clone(), evidence.orders[&(2, 0)].clone());
    evidence.late.insert((0, 0), reject(&late, 0));
    evidence.dlq.insert((0, 0), reject(&dead, 0));
    let results = faultless_results(&evidence, &rules()).unwrap();
    evidence.results = results
        .into_iter()
        .map(|result| (result.offset, result))
        .collect();
    evidence.totals = Some(Totals {
        consumed: 8,
        accepted: 4,
        duplicate: 1,
        ignored: 1,
        late: 1,
        invalid: 1,
    });
    evidence
}

fn row(evidence: &Evidence, offset: i64) -> ParquetWindow {
    let value: serde_json::Value =
        serde_json::from_slice(evidence.results[&offset].value.as_deref().unwrap()).unwrap();
    let number = |name: &str| value[name].as_i64().unwrap();
    let text = |name: &str| value[name].as_str().unwrap().to_owned();
    let minute = text("window_start")[14..16].parse::<i64>().unwrap();
    ParquetWindow {
        window_start_ms: START + minute * 60_000,
        window_end_ms: START + minute * 60_000 + 60_000,
        order_count: number("order_count"),
        total_revenue: text("total_revenue"),
        total_items: number("total_items"),
        unique_users: number("unique_users"),
        average_order_value: text("average_order_value"),
        revision: 0,
        file: "/x/analytics-results/date=2024-02-28/hour=22/windows.parquet".to_owned(),
    }
}

#[track_caller]
fn finds(evidence: &Evidence, check: &str) {
    let verdict = judge(evidence, &rules()).unwrap();
    assert!(!verdict.holds());
    assert!(
        verdict.faults.iter().any(|fault| fault.check.contains(check)),
        "wanted `{check}`, found {verdict}"
    );
}

fn change(evidence: &mut Evidence, offset: i64, from: &str, to: &str) {
    let record = evidence.results.get_mut(&offset).unwrap();
    let text = String::from_utf8(record.value.take().unwrap()).unwrap();
    assert!(text.contains(from), "{text}");
    record.value = Some(text.replace(from, to).into_bytes());
}

#[test]
fn windows_are_summed_by_hand_as_by_sql() {
    let evidence = faultless();
    let result = |offset: i64| String::from_utf8(evidence.results[&offset].value.clone().unwrap()).unwrap();
    assert_eq!(
        result(0),
        r#"{"window_start":"2024-02-28T22:00:00Z","window_end":"2024-02-28T22:01:00Z","order_count":2,"total_revenue":"20.01","total_items":2,"unique_users":1,"average_order_value":"10.00","revision":0}"#
    );
    assert!(result(1).contains(r#""total_revenue":"3.33""#), "{}", result(1));
    assert_eq!(evidence.results.len(), 3);
    judge(&evidence, &rules()).unwrap().assert_holds();
}

#[test]
fn an_average_between_two_cents_goes_to_the_even_one() {
    for (amounts, average) in [
        ([1_000, 1_001], "10.00"),
        ([1_001, 1_002], "10.02"),
        ([1, 2], "0.02"),
        ([0, 1], "0.00"),
    ] {
        let records = (0..2)
            .map(|n| planned(0, &order(&format!("o-{n}"), "u", amounts[n], START), Layout::Own))
            .collect();
        let results = faultless_results(&log(records), &rules()).unwrap();
        let text = String::from_utf8(results[0].value.clone().unwrap()).unwrap();
        assert!(
            text.contains(&format!(r#""average_order_value":"{average}""#)),
            "{amounts:?}: {text}"
        );
    }
}

#[test]
fn every_layout_of_an_order_is_the_same_order() {
    let text = order("o-1", "u-1", 123_450, START);
    let records = Layout::ODD
        .into_iter()
        .chain([Layout::Own])
        .map(|layout| planned(0, &text, layout))
        .collect();
    let results = faultless_results(&log(records), &rules()).unwrap();
    let text = String::from_utf8(results[0].value.clone().unwrap()).unwrap();
    assert!(
        text.contains(r#""order_count":1,"total_revenue":"1234.50""#),
        "{text}"
    );
}

#[test]
fn a_window_may_hold_more_cents_than_64_bits() {
    let records = (0..2)
        .map(|n| {
            let huge = order(&format!("o-{n}"), "u", 9_000_000_000_000_000_001, START);
            planned(0, &huge, Layout::Exponent)
        })
        .collect();
    let results = faultless_results(&log(records), &rules()).unwrap();
    let text = String::from_utf8(results[0].value.clone().unwrap()).unwrap();
    assert!(
        text.contains(r#""total_revenue":"180000000000000000.02""#)
            && text.contains(r#""average_order_value":"90000000000000000.01""#),
        "{text}"
    );
}

#[test]
fn every_kind_of_garbage_belongs_into_the_dead_letters() {
    for kind in GARBAGE {
        let text = order("bad-1", "u-1", 100, START);
        let record = Planned {
            value: Some(garbage(kind, &text)),
            ..planned(0, &text, Layout::Own)
        };
        let verdict = judge(&log(vec![record]), &rules()).unwrap();
        assert_eq!((verdict.lost, verdict.accepted), (1, 0), "{kind}: {verdict}");
    }
    let tombstone = Planned {
        value: None,
        ..planned(0, &order("t", "u", 1, START), Layout::Own)
    };
    assert_eq!(judge(&log(vec![tombstone]), &rules()).unwrap().lost, 1);
}

#[test]
fn a_lost_order_is_found() {
    let mut evidence = faultless();
    change(&mut evidence, 0, r#""order_count":2"#, r#""order_count":1"#);
    finds(&evidence, "what SQL says");
    assert_eq!(judge(&evidence, &rules()).unwrap().lost, 1);
}

#[test]
fn a_lost_window_is_found() {
    let mut evidence = faultless();
    evidence.results.remove(&1);
    finds(&evidence, "what SQL says");
    assert_eq!(judge(&evidence, &rules()).unwrap().lost, 1);
}

#[test]
fn a_doubled_order_is_found() {
    let mut evidence = faultless();
    change(&mut evidence, 0, r#""order_count":2"#, r#""order_count":3"#);
    finds(&evidence, "what SQL says");
    assert_eq!(judge(&evidence, &rules()).unwrap().doubled, 1);
}

#[test]
fn a_cent_an_item_or_a_user_too_many_is_found() {
    for (from, to) in [
        (r#""total_revenue":"20.01""#, r#""total_revenue":"20.02""#),
        (r#""total_items":2"#, r#""total_items":3"#),
        (r#""unique_users":1"#, r#""unique_users":2"#),
        (
            r#""average_order_value":"10.00""#,
            r#""average_order_value":"10.01""#,
        ),
    ] {
        let mut evidence = faultless();
        change(&mut evidence, 0, from, to);
        finds(&evidence, "what SQL says");
    }
}

#[test]
fn a_window_published_twice_with_one_revision_is_found() {
    let mut evidence = faultless();
    let again = Record {
        offset: 9,
        ..evidence.results[&0].clone()
    };
    evidence.results.insert(9, again);
    finds(&evidence, "without gap or repetition");
    finds(&evidence, "more orders");
    assert_eq!(judge(&evidence, &rules()).unwrap().doubled, 1);
}

#[test]
fn a_revision_with_fewer_orders_is_found() {
    let mut evidence = faultless();
    let more = Record {
        offset: -1,
        ..evidence.results[&0].clone()
    };
    evidence.results.insert(-1, more);
    change(&mut evidence, -1, r#""order_count":2"#, r#""order_count":3"#);
    change(&mut evidence, 0, r#""revision":0"#, r#""revision":1"#);
    finds(&evidence, "more orders");
}

#[test]
fn a_revision_with_less_revenue_fewer_items_or_fewer_users_is_found() {
    for (figure, more) in [
        (r#""total_revenue":"20.01""#, r#""total_revenue":"120.01""#),
        (r#""total_items":2"#, r#""total_items":3"#),
        (r#""unique_users":1"#, r#""unique_users":2"#),
    ] {
        let mut evidence = faultless();
        let before = Record {
            offset: -1,
            ..evidence.results[&0].clone()
        };
        evidence.results.insert(-1, before);
        change(&mut evidence, -1, r#""order_count":2"#, r#""order_count":1"#);
        change(&mut evidence, -1, figure, more);
        change(&mut evidence, 0, r#""revision":0"#, r#""revision":1"#);
        finds(&evidence, "less revenue");
    }
}

/// A progress record: how many records of each partition its commit has processed, until when windows are final by it, and
/// the live windows with their revisions.
fn progress(sequence: i64, processed: [i64; 2], final_until_ms: i64, live: &[(i64, i64)]) -> Record {
    let windows: serde_json::Map<String, serde_json::Value> = live
        .iter()
        .map(|(start_ms, revision)| {
            let live = serde_json::json!({"revision": revision});
            ((start_ms / 1000).to_string(), live)
        })
        .collect();
    let value = serde_json::json!({
        "sequence": sequence,
        "final_until": final_until_ms / 1000,
        "partitions": {"0": {"processed": processed[0]}, "1": {"processed": processed[1]}},
        "windows": windows,
    });
    Record {
        partition: 0,
        offset: sequence,
        timestamp: 0,
        key: None,
        value: Some(value.to_string().into_bytes()),
        headers: Vec::new(),
    }
}

/// A window of one order, and a second commit with another one that revised it and made it final.
fn revised() -> Evidence {
    let records = vec![
        planned(0, &order("o-1", "u-1", 1_000, START), Layout::Own),
        planned(1, &order("o-2", "u-2", 500, START + 1), Layout::Own),
    ];
    let first = faultless_results(&log(records[..1].to_vec()), &rules()).unwrap();
    let mut evidence = log(records);
    let second = faultless_results(&evidence, &rules()).unwrap();
    evidence.results = [(0, first), (2, second)]
        .into_iter()
        .map(|(offset, mut results)| {
            (
                offset,
                Record {
                    offset,
                    ..results.remove(0)
                },
            )
        })
        .collect();
    change(&mut evidence, 2, r#""revision":0"#, r#""revision":1"#);
    evidence.progress = vec![
        progress(1, [1, 0], START, &[(START, 0)]),
        progress(2, [1, 1], START + 60_000, &[]),
    ];
    evidence
}

#[test]
fn every_revision_is_compared_with_the_orders_of_its_commit() {
    let evidence = revised();
    let verdict = judge(&evidence, &rules()).unwrap();
    verdict.assert_holds();
    assert_eq!(verdict.by_commit, 2);
    // None of these is seen by what comes later: every figure grows, and the last revision is right.
    for (from, to) in [
        (r#""total_revenue":"10.00""#, r#""total_revenue":"9.99""#),
        (r#""total_items":1"#, r#""total_items":0"#),
        (r#""unique_users":1"#, r#""unique_users":2"#),
        (
            r#""average_order_value":"10.00""#,
            r#""average_order_value":"9.99""#,
        ),
    ] {
        let mut evidence = revised();
        change(&mut evidence, 0, from, to);
        finds(&evidence, "of its commit");
    }
    for processed in [[0, 0], [1, 1]] {
        let mut evidence = revised();
        evidence.progress[0] = progress(1, processed, START, &[(START, 0)]);
        finds(&evidence, "of its commit");
    }
}

#[test]
fn a_result_of_no_commit_is_found() {
    let mut evidence = revised();
    evidence.progress.pop();
    finds(&evidence, "belongs to a commit");
}

#[test]
fn results_are_not_compared_by_commit_where_progress_was_lost() {
    let wrong = || {
        let mut evidence = revised();
        change(
            &mut evidence,
            0,
            r#""total_revenue":"10.00""#,
            r#""total_revenue":"9.99""#,
        );
        evidence
    };
    let mut compacted = wrong();
    compacted.progress.remove(0);
    let mut rebuilt = wrong();
    let value = rebuilt.progress[0].value.take().unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&value).unwrap();
    value["rebuilt_until"] = (START / 1000 + 60).into();
    rebuilt.progress[0].value = Some(value.to_string().into_bytes());
    for evidence in [compacted, rebuilt] {
        let verdict = judge(&evidence, &rules()).unwrap();
        verdict.assert_holds();
        assert_eq!(verdict.by_commit, 0);
    }
}

#[test]
fn a_result_out_of_contract_is_found() {
    let mut evidence = faultless();
    change(
        &mut evidence,
        0,
        r#""total_revenue":"20.01""#,
        r#""total_revenue":20.01"#,
    );
    finds(&evidence, "as the contract says");
    let mut evidence = faultless();
    evidence.results.get_mut(&0).unwrap().key = Some(b"2024-02-28T22:00:00.000Z".to_vec());
    finds(&evidence, "as the contract says");
}

#[test]
fn an_order_in_time_in_the_late_topic_is_found() {
    let mut evidence = faultless();
    let innocent = evidence.orders[&(0, 1)].clone();
    evidence.late.insert((0, 1), reject(&innocent, 1));
    finds(&evidence, "made late");
}

#[test]
fn an_order_of_a_frozen_window_may_be_in_the_late_topic() {
    let mut evidence = faultless();
    evidence.totals = None;
    let frozen = evidence.orders[&(0, 1)].clone();
    evidence.late.insert((0, 1), reject(&frozen, 1));
    evidence.results.remove(&1);
    evidence.frozen.insert(START + 60_000);
    judge(&evidence, &rules()).unwrap().assert_holds();
}

#[test]
fn a_late_order_that_is_counted_is_found() {
    let mut evidence = faultless();
    evidence.late.clear();
    finds(&evidence, "late by its own partition");
}

#[test]
fn a_record_rejected_twice_or_never_is_found() {
    let mut evidence = faultless();
    let again = Record {
        offset: 1,
        ..evidence.late[&(0, 0)].clone()
    };
    evidence.late.insert((0, 1), again);
    finds(&evidence, "late topic holds each order once");

    let mut evidence = faultless();
    let again = Record {
        offset: 1,
        ..evidence.dlq[&(0, 0)].clone()
    };
    evidence.dlq.insert((0, 1), again);
    finds(&evidence, "dead letters once");

    let mut evidence = faultless();
    evidence.dlq.clear();
    finds(&evidence, "dead letters once");
}

#[test]
fn a_valid_order_in_the_dead_letters_is_found() {
    let mut evidence = faultless();
    let innocent = evidence.orders[&(0, 1)].clone();
    evidence.dlq.insert((0, 1), reject(&innocent, 1));
    finds(&evidence, "only what is invalid");
}

#[test]
fn a_rejected_record_with_other_bytes_or_headers_is_found() {
    let spoil: [fn(&mut Record); 6] = [
        |record| record.value = Some(b"{}".to_vec()),
        |record| record.key = None,
        |record| record.headers.retain(|(name, _)| name != "error"),
        |record| record.headers.retain(|(name, _)| name != "source_timestamp"),
        |record| record.headers.retain(|(name, _)| name != "source_topic"),
        // Cut, as the header says, though it is small.
        |record| {
            let size = [&record.key, &record.value]
                .map(|bytes| bytes.as_ref().map_or(0, Vec::len))
                .iter()
                .sum::<usize>();
            let value = size.to_string().into_bytes();
            record.headers.push(("truncated".to_owned(), value));
        },
    ];
    for spoil in spoil {
        let mut evidence = faultless();
        spoil(evidence.dlq.get_mut(&(0, 0)).unwrap());
        finds(&evidence, "its bytes, key and headers");
    }
}

#[test]
fn parquet_that_differs_from_the_topic_is_found() {
    let mut evidence = faultless();
    evidence.parquet = Some((0..3).map(|offset| row(&evidence, offset)).collect());
    judge(&evidence, &rules()).unwrap().assert_holds();
    let spoil: [fn(&mut Vec<ParquetWindow>); 5] = [
        |rows| rows.truncate(2),
        |rows| rows[0].order_count += 1,
        |rows| rows[0].revision = 1,
        |rows| rows.push(rows[0].clone()),
        |rows| rows[0].file = rows[0].file.replace("hour=22", "hour=23"),
    ];
    for spoil in spoil {
        let mut evidence = evidence.clone();
        spoil(evidence.parquet.as_mut().unwrap());
        finds(&evidence, "Parquet");
    }
}

#[test]
fn totals_that_do_not_agree_are_found() {
    let mut evidence = faultless();
    evidence.totals.as_mut().unwrap().accepted += 1;
    finds(&evidence, "totals add up");
    evidence.totals.as_mut().unwrap().consumed += 1;
    finds(&evidence, "totals are what SQL says");
}

#[test]
fn a_rough_feed_has_everything_and_a_perfect_job_passes() {
    let mut evidence = log(Feed::new(Shape::rough(11)).next(1_200_000));
    let verdict = judge(&evidence, &rules()).unwrap();
    assert!(verdict.accepted > 4_000 && verdict.lost > 200, "{verdict}");
    // What is late by its own partition is all that a perfect job with one clock could call late.
    let late: Vec<(i32, i64)> = late_by_own_partition(&evidence);
    assert!(late.len() > 20, "{}", late.len());
    for (place, at) in (0..).zip(&late) {
        let record = reject(&evidence.orders[at], place);
        evidence.late.insert((0, place), record);
    }
    for (place, at) in (0..).zip(dead(&evidence)) {
        let record = reject(&evidence.orders[&at], place);
        evidence.dlq.insert((0, place), record);
    }
    let results = faultless_results(&evidence, &rules()).unwrap();
    evidence.results = results
        .into_iter()
        .map(|result| (result.offset, result))
        .collect();
    judge(&evidence, &rules()).unwrap().assert_holds();
}

fn late_by_own_partition(evidence: &Evidence) -> Vec<(i32, i64)> {
    let mut clocks = [0_i64; 16];
    let mut late = Vec::new();
    for (at, record) in &evidence.orders {
        let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
        let Some(created) = key
            .starts_with(['o', 't', 'l'])
            .then(|| created(record))
            .flatten()
        else {
            continue;
        };
        let clock = &mut clocks[record.partition as usize];
        *clock = (*clock).max((created.min(record.timestamp) - 10_000) / 1000 * 1000);
        if created / 60_000 * 60_000 + 120_000 <= *clock {
            late.push(*at);
        }
    }
    late
}

fn created(record: &Record) -> Option<i64> {
    let value: serde_json::Value = serde_json::from_slice(record.value.as_deref()?).ok()?;
    if value["event_type"] == "order.paid" {
        return None;
    }
    if let Some(ms) = value["created_at"].as_i64() {
        return Some(ms);
    }
    // The feed's start is all that is needed to read its times: the minutes since then.
    let text = value["created_at"].as_str()?;
    let day: i64 = text[8..10].parse().ok()?;
    let (hour, minute): (i64, i64) = (text[11..13].parse().ok()?, text[14..16].parse().ok()?);
    let second: i64 = text[17..19].parse().ok()?;
    // Our own writer leaves out milliseconds that are none.
    let milli: i64 = text
        .get(19..23)
        .filter(|fraction| fraction.starts_with('.'))
        .map_or(Ok(0), |fraction| fraction[1..].parse())
        .ok()?;
    let east = if text.ends_with("+05:30") { 330 } else { 0 };
    Some(
        START + (day - 28) * 86_400_000 + ((hour - 22) * 60 + minute - east) * 60_000 + second * 1000 + milli,
    )
}

fn dead(evidence: &Evidence) -> Vec<(i32, i64)> {
    let is_dead = |record: &Record| {
        let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
        ["bad-", "t-", "future-"].iter().any(|kind| key.starts_with(kind))
    };
    evidence
        .orders
        .iter()
        .filter(|(_, record)| is_dead(record))
        .map(|(at, _)| *at)
        .collect()
}
