use super::*;

const MINUTE: i64 = 1_795_401_360;

struct Scene {
    ledger_runtime: Runtime,
}

fn scene() -> Scene {
    Scene {
        ledger_runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
    }
}

fn order(id: &str, user: &str, amount: &str, quantities: &[i64], created_at: &str) -> String {
    let items: Vec<String> = quantities
        .iter()
        .map(|quantity| format!(r#"{{"quantity":{quantity}}}"#))
        .collect();
    format!(
        r#"{{"order_id":"{id}","user_id":"{user}","total_amount":{amount},"items":[{}],"created_at":{created_at}}}"#,
        items.join(",")
    )
}

fn put(ledger: &mut Ledger<'_>, values: &[String]) {
    for (offset, value) in values.iter().enumerate() {
        ledger
            .order(RawOrder {
                partition: 0,
                offset: offset as i64,
                text: Some(value.clone()),
            })
            .unwrap();
    }
}

const RESULT: &str = r#"{"window_start":"2026-11-23T02:36:00Z","window_end":"2026-11-23T02:37:00Z","order_count":3,"total_revenue":"389.70","total_items":7,"unique_users":2,"average_order_value":"129.90","revision":0}"#;

fn three_orders() -> Vec<String> {
    vec![
        order("a", "u1", r#""129.90""#, &[2, 1], r#""2026-11-23T02:36:00Z""#),
        order("b", "u2", "129.9", &[1], r#""2026-11-23T04:36:59.999+02:00""#),
        order("a", "u1", r#""129.90""#, &[2, 1], r#""2026-11-23T02:36:00Z""#),
        order("c", "u1", r#""129.9""#, &[3], "1795401419999"),
        r#"{"event_type":"order.paid"}"#.to_owned(),
    ]
}

#[test]
fn sql_reads_times_and_amounts_in_every_form_and_counts_copies_once() {
    let scene = scene();
    let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
    put(&mut ledger, &three_orders());
    ledger.result(RESULT).unwrap();
    let sums = ledger.settle(i64::MIN, MINUTE).unwrap();
    let expected = Sums {
        accepted: 3,
        created: 4,
        ignored: 1,
        windows: 1,
        open: 1,
        ..Sums::default()
    };
    assert_eq!(sums, expected);
    assert_eq!(ledger.differences().unwrap(), []);
}

#[test]
fn amounts_with_an_exponent_are_what_their_digits_say() {
    for (amount, cents) in [
        ("1.299E2", 12_990),
        (r#""1e2""#, 10_000),
        (r#""0.05""#, 5),
        ("5e-2", 5),
        ("0.0000001e9", 10_000),
        ("12.5E+1", 12_500),
        ("0e400", 0),
        (r#""92233720368547758.07""#, i64::MAX),
    ] {
        let scene = scene();
        let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
        put(
            &mut ledger,
            &[order("a", "u", amount, &[1], r#""2026-11-23T02:36:00Z""#)],
        );
        let money = format!("{}.{:02}", cents / 100, cents % 100);
        ledger.result(&one_window(1, &money, &money)).unwrap();
        ledger.settle(i64::MIN, 0).unwrap();
        assert_eq!(ledger.differences().unwrap(), [], "{amount}");
    }
}

#[test]
fn a_window_may_hold_more_cents_than_64_bits() {
    let scene = scene();
    let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
    let huge = |id| {
        order(
            id,
            "u",
            r#""90000000000000000.01""#,
            &[1],
            r#""2026-11-23T02:36:00Z""#,
        )
    };
    put(&mut ledger, &[huge("a"), huge("b"), huge("c")]);
    ledger
        .result(&one_window(3, "270000000000000000.03", "90000000000000000.01"))
        .unwrap();
    ledger.settle(i64::MIN, 0).unwrap();
    assert_eq!(ledger.differences().unwrap(), []);
}

/// The result of a window of orders of one user, one item each.
fn one_window(orders: u64, revenue: &str, average: &str) -> String {
    RESULT
        .replace("389.70", revenue)
        .replace("129.90", average)
        .replace(r#""order_count":3"#, &format!(r#""order_count":{orders}"#))
        .replace(r#""total_items":7"#, &format!(r#""total_items":{orders}"#))
        .replace(r#""unique_users":2"#, r#""unique_users":1"#)
}

#[test]
fn whatever_differs_in_a_window_is_found() {
    for (right, wrong) in [
        (r#""order_count":3"#, r#""order_count":2"#),
        ("389.70", "389.71"),
        (r#""total_items":7"#, r#""total_items":8"#),
        (r#""unique_users":2"#, r#""unique_users":3"#),
        ("129.90", "129.91"),
        ("02:37:00Z", "02:38:00Z"),
        ("02:36:00Z", "02:35:00Z"),
    ] {
        let scene = scene();
        let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
        put(&mut ledger, &three_orders());
        ledger.result(&RESULT.replace(right, wrong)).unwrap();
        ledger.settle(i64::MIN, MINUTE).unwrap();
        assert!(!ledger.differences().unwrap().is_empty(), "{wrong}");
    }
}

#[test]
fn a_window_that_is_missing_or_made_up_is_found_and_named() {
    let scene = scene();
    let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
    put(&mut ledger, &three_orders());
    ledger.settle(i64::MIN, 0).unwrap();
    let missing = ledger.differences().unwrap();
    assert_eq!(
        (missing[0].window_s, missing[0].published.as_str()),
        (MINUTE, "nothing")
    );

    let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
    ledger.result(RESULT).unwrap();
    ledger.settle(MINUTE, 0).unwrap();
    let made_up = ledger.differences().unwrap();
    assert_eq!(
        (made_up[0].window_s, made_up[0].expected.as_str()),
        (MINUTE, "nothing")
    );

    let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
    ledger.result(RESULT).unwrap();
    ledger.settle(MINUTE + 60, 0).unwrap();
    assert_eq!(
        ledger.differences().unwrap(),
        [],
        "windows before the span are not looked at"
    );
}

#[test]
fn the_latest_revision_counts_and_a_shrinking_or_doubled_one_is_found() {
    let scene = scene();
    let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
    put(&mut ledger, &three_orders());
    ledger
        .result(&RESULT.replace(r#""order_count":3"#, r#""order_count":4"#))
        .unwrap();
    ledger
        .result(&RESULT.replace(r#""revision":0"#, r#""revision":1"#))
        .unwrap();
    ledger
        .result(&RESULT.replace(r#""revision":0"#, r#""revision":1"#))
        .unwrap();
    let sums = ledger.settle(i64::MIN, 0).unwrap();
    assert_eq!((sums.doubled, sums.shrunk, sums.revisions), (1, 1, 2));
    assert_eq!(ledger.differences().unwrap(), []);
}

#[test]
fn rejected_orders_are_left_out_and_unreadable_ones_must_be_rejected() {
    let scene = scene();
    let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
    assert!(ledger.reject(LATE, 0, 0).unwrap());
    assert!(ledger.reject(DLQ, 0, 1).unwrap());
    assert!(
        !ledger.reject(DLQ, 0, 1).unwrap(),
        "a record rejected twice is seen"
    );
    put(
        &mut ledger,
        &[
            three_orders()[0].clone(),
            "{".into(),
            "{".into(),
            "[".repeat(3_000),
        ],
    );
    ledger
        .order(RawOrder {
            partition: 1,
            offset: 0,
            text: None,
        })
        .unwrap();
    let sums = ledger.settle(i64::MIN, 0).unwrap();
    assert_eq!(
        (sums.late, sums.invalid, sums.unreadable, sums.accepted),
        (1, 1, 3, 0)
    );
}

#[test]
fn averages_are_rounded_half_to_even() {
    for (amounts, average) in [
        (["0.01", "0.02"], "0.02"),
        (["0.02", "0.03"], "0.02"),
        (["0.03", "0.04"], "0.04"),
    ] {
        let scene = scene();
        let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
        let orders: Vec<String> = amounts
            .iter()
            .map(|amount| {
                order(
                    amount,
                    "u",
                    &format!("\"{amount}\""),
                    &[1],
                    r#""2026-11-23T02:36:00Z""#,
                )
            })
            .collect();
        put(&mut ledger, &orders);
        let sum: u64 = amounts
            .iter()
            .map(|amount| amount[2..].parse::<u64>().unwrap())
            .sum();
        ledger
            .result(&one_window(2, &format!("0.{sum:02}"), average))
            .unwrap();
        ledger.settle(i64::MIN, 0).unwrap();
        assert_eq!(ledger.differences().unwrap(), [], "{amounts:?}");
    }
}

fn claims(accepted: u64) -> Claims {
    let totals = Totals {
        consumed: 5,
        accepted,
        duplicate: 1,
        ignored: 1,
        late: 0,
        invalid: 0,
    };
    Claims {
        totals,
        produced: 5,
        bad: Some(0),
        before: BTreeMap::new(),
        watermark: None,
        taken: None,
        answered: Vec::new(),
        unanswered: 0,
    }
}

#[test]
fn an_order_that_was_answered_must_be_there_or_wait() {
    let published = HashSet::from([b"ord_1".to_vec()]);
    let judged = |answered: &[&str], waiting| {
        let claims = Claims {
            answered: answered.iter().map(|id| (*id).to_owned()).collect(),
            unanswered: 3,
            ..Claims::default()
        };
        let taken = Taken {
            waiting,
            ..Taken::default()
        };
        let mut verdict = Verdict::default();
        judge_customers(&claims, &taken, &published, &mut verdict);
        verdict
    };
    let holds = judged(&["ord_1"], 0);
    assert_eq!(
        holds.lines,
        ["1 orders by REST answered with 201, each taken; 3 unanswered"]
    );
    assert_eq!(judged(&["ord_1", "ord_2"], 1).faults, [""; 0]);
    assert_eq!(judged(&["ord_1", "ord_2"], 0).faults.len(), 1);
}

fn verdict(claims: Claims) -> Verdict {
    let census = Census {
        written: 5,
        new: 5,
        checked: 5,
        from_s: i64::MIN,
        ..Census::default()
    };
    verdict_on(census, claims)
}

fn verdict_on(census: Census, claims: Claims) -> Verdict {
    let scene = scene();
    let mut ledger = Ledger::open(&scene.ledger_runtime).unwrap();
    put(&mut ledger, &three_orders());
    ledger.result(RESULT).unwrap();
    let mut verdict = Verdict::default();
    judge(&mut ledger, census, &claims, &mut verdict).unwrap();
    verdict
}

#[test]
fn the_sum_is_printed_when_it_holds() {
    let verdict = verdict(claims(3));
    assert_eq!(verdict.faults, [""; 0]);
    assert_eq!(
        verdict.lines[0],
        "5 orders produced = 3 accepted + 1 duplicate + 1 ignored + 0 late + 0 invalid"
    );
    assert_eq!(
        verdict.lines[1],
        "1 windows (0 revisions) equal SQL over the same orders in every field"
    );
}

#[test]
fn a_sum_that_does_not_hold_or_differs_from_sql_is_a_fault() {
    let wrong = verdict(claims(2)).faults;
    assert!(
        wrong.iter().any(|fault| fault.starts_with("not so: ")),
        "{wrong:?}"
    );
    assert!(
        wrong.contains(&"2 accepted by the job, 3 by SQL".to_owned()),
        "{wrong:?}"
    );
    let lost = verdict(Claims {
        produced: 6,
        ..claims(3)
    })
    .faults;
    assert_eq!(lost, ["6 orders were acknowledged, 5 are there"]);
}

#[test]
fn more_or_fewer_refusals_than_bad_records_are_a_fault() {
    let census = |new_invalid| Census {
        written: 5,
        new: 5,
        new_invalid,
        checked: 5,
        from_s: i64::MIN,
    };
    let claims = |produced, bad| Claims {
        produced,
        bad,
        ..claims(3)
    };
    for (new_invalid, produced, bad, holds) in [
        (1, 5, Some(1), true),
        (2, 5, Some(1), false),
        (0, 5, Some(1), false),
        // Other producers' records may be bad as well.
        (2, 4, Some(1), true),
        (3, 4, Some(1), false),
        // A file's records nobody knows.
        (3, 5, None, true),
    ] {
        let faults = verdict_on(census(new_invalid), claims(produced, bad)).faults;
        assert_eq!(
            faults.is_empty(),
            holds,
            "{new_invalid} of {bad:?}, {produced} produced: {faults:?}"
        );
    }
}

#[test]
fn windows_that_skipped_orders_may_belong_to_are_not_judged() {
    let mut census = Census {
        written: 2,
        checked: 1,
        from_s: i64::MIN,
        ..Census::default()
    };
    // An order's time may lie a minute after its record's, so it may belong to the window of the next minute.
    census.skip_to(MINUTE * 1_000 + 30_000);
    assert_eq!(census.from_s, MINUTE + 120);
    census.skip_to(MINUTE * 1_000);
    assert_eq!(census.from_s, MINUTE + 120, "never back");
    assert!(!census.is_whole());
    census.skip_to(i64::MAX);
    assert!(
        census.from_s > MINUTE * 1_000,
        "a record without a time: nothing can be judged"
    );
}
