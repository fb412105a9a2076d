//! Orders in, windows out, checked.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::time::Instant;

use crate::weir::{PATIENCE, finish, run, start};

#[test]
fn a_run_ends_with_a_check_that_holds_and_the_next_one_fills_only_the_gap() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(
        folder.path(),
        &["--history", "10m", "--duration", "3s", "--workers", "2"],
    );
    first.assert_holds();
    let produced = first.number("orders produced =");
    assert!(produced > 3_000, "{}", first.out);
    assert!(first.number(" windows (") >= 10, "{}", first.out);
    assert!(
        first
            .out
            .lines()
            .filter(|line| line.starts_with("window 2"))
            .count()
            >= 10,
        "{}",
        first.out
    );

    let second = run(folder.path(), &["--history", "10m", "--duration", "1s"]);
    second.assert_holds();
    let more = second.number("orders produced =") - produced;
    assert!(
        more < produced / 2,
        "the gap is shorter than the history, {more} orders were added:\n{}",
        second.out
    );
}

#[test]
fn a_rough_day_is_counted_as_exactly_as_a_smooth_one() {
    let folder = tempfile::tempdir().unwrap();
    let shares = [
        "--disorder",
        "0.3",
        "--late",
        "0.1",
        "--bad",
        "0.1",
        "--duplicates",
        "0.2",
    ];
    let said = run(
        folder.path(),
        &[
            &["--history", "30m", "--duration", "1s", "--seed", "7"],
            shares.as_slice(),
        ]
        .concat(),
    );
    said.assert_holds();
}

#[test]
fn an_interrupt_or_a_termination_stops_it_cleanly_and_the_check_is_still_made() {
    for name in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = start(folder.path(), &["--history", "5m"]);
        wait_for(&mut child, "window 2");
        signal(&child, name);
        let said = finish(child);
        assert_eq!(said.code, Some(0), "{name}: {}\n{}", said.out, said.err);
        assert!(said.out.contains("stopping"), "{name}: {}", said.out);
        assert!(said.out.contains("check: holds"), "{name}: {}", said.out);
    }
}

#[test]
fn every_window_of_the_history_is_shown_once_it_is_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["--history", "2h", "--duration", "0s"]);
    said.assert_holds();
    // A revision is another line of the same window.
    let shown: BTreeSet<&str> = said
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("window ")?.split(' ').next())
        .collect();
    assert!(shown.len() >= 120, "{}", said.out);
    assert_eq!(shown.len() as u64, said.number(" windows ("), "{}", said.out);
}

#[test]
fn a_thin_history_is_not_late() {
    let folder = tempfile::tempdir().unwrap();
    let span = ["--history", "2h", "--rate", "5", "--duration", "0s"];
    // A copy may come as late as it likes.
    let none = ["--late", "0", "--duplicates", "0"];
    let said = run(folder.path(), &[span.as_slice(), &none].concat());
    said.assert_holds();
    let sums = said.line("orders produced =");
    assert!(sums.contains(" + 0 late + "), "{sums}");
}

#[test]
fn the_orders_of_a_parquet_file_are_counted_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/online-retail.parquet");
    let said = run(folder.path(), &["--input", file]);
    said.assert_holds();
    assert!(said.number(" windows (") > 10_000, "{}", said.out);
}

#[test]
fn what_was_killed_goes_on_where_it_was_and_the_check_holds_over_both_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), &["--history", "20m"]);
    wait_for(&mut child, "window 2");
    child.kill().unwrap();
    child.wait().unwrap();
    run(folder.path(), &["--history", "20m", "--duration", "1s"]).assert_holds();
}

#[test]
fn a_file_is_read_to_its_end_checked_and_not_read_twice() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.jsonl");
    let order = |id: u32, second: u32| {
        format!(
            r#"{{"order_id":"o-{id}","user_id":"u-{}","currency":"USD","total_amount":"1{id}.50","items":[{{"product_id":"p","quantity":1,"unit_price":"1{id}.50"}}],"created_at":"2020-02-29T23:{:02}:{:02}Z"}}"#,
            id % 7,
            second / 60,
            second % 60
        )
    };
    let mut lines: Vec<String> = (0..600).rev().map(|id| order(id, id)).collect();
    lines.push("this is no order".to_owned());
    lines.push(order(5, 5));
    std::fs::write(&file, lines.join("\n")).unwrap();
    let data_dir = folder.path().join("data");
    let arguments = ["--input", file.to_str().unwrap()];
    for _ in 0..2 {
        let said = run(&data_dir, &arguments);
        said.assert_holds();
        let sums = "602 orders produced = 600 accepted + 1 duplicate + 0 ignored + 0 late + 1 invalid";
        assert!(said.line("orders produced =").contains(sums), "{}", said.out);
        assert_eq!(said.number(" windows ("), 10, "{}", said.out);
    }
    let other_currency = run(
        &data_dir,
        &[arguments.as_slice(), &["--currency", "EUR"]].concat(),
    );
    assert_eq!(other_currency.code, Some(64), "{}", other_currency.err);
    assert!(
        other_currency.err.contains("--currency"),
        "{}",
        other_currency.err
    );
    let refused = run(&data_dir, &["--duration", "0s"]);
    assert_eq!(refused.code, Some(64), "{}", refused.err);
    assert!(refused.err.contains("--data-dir"), "{}", refused.err);
}

/// Reads standard output up to a line that begins like this; the rest stays for whoever reads on.
fn wait_for(child: &mut std::process::Child, beginning: &str) {
    let stdout = child.stdout.take().unwrap();
    let mut reader = BufReader::with_capacity(1, stdout);
    let deadline = Instant::now() + PATIENCE;
    let mut seen = String::new();
    loop {
        let mut line = String::new();
        assert!(
            Instant::now() < deadline,
            "no line begins with `{beginning}`:\n{seen}"
        );
        assert_ne!(
            reader.read_line(&mut line).unwrap(),
            0,
            "ended before a line `{beginning}`:\n{seen}"
        );
        if line.starts_with(beginning) {
            child.stdout = Some(reader.into_inner());
            return;
        }
        seen.push_str(&line);
    }
}

pub(crate) fn signal(child: &std::process::Child, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
