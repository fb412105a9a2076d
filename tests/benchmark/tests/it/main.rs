//! The benchmark from end to end, small: whether everything is counted, never how fast.
#![allow(clippy::unwrap_used)]

use std::process::Command;

/// Runs it and gives what it prints; throughput and recovery fail when the job has not counted each order once.
fn measured(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_benchmark"))
        .args(arguments)
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_small_run_measures_floor_and_job_and_prints_both_tables() {
    let out = measured(&["--orders", "20000", "--repeat", "1", "--only", "throughput"]);
    for text in [
        "| job: peak memory |",
        "job: orders a second",
        "share of the floor",
    ] {
        assert!(out.contains(text), "{out}");
    }
}

#[test]
fn a_job_that_was_killed_catches_up_and_has_counted_every_order_once() {
    let out = measured(&["--rate", "200", "--repeat", "1", "--only", "recovery"]);
    assert!(out.contains("| recovery: kill to caught up |"), "{out}");
}

#[test]
fn the_latency_of_windows_is_measured_while_orders_come() {
    let out = measured(&["--rate", "200", "--latency-seconds", "5", "--only", "latency"]);
    assert!(out.contains("| latency: windows measured |"), "{out}");
}

/// The services' binaries lie beside this one where the whole workspace is tested.
#[test]
fn every_order_of_the_shop_that_was_answered_is_published() {
    let small = "shop --only embedded --seconds 1 --clients 4 --customers 2 --rate 20 --events 500";
    let out = measured(&small.split(' ').collect::<Vec<_>>());
    for text in [
        "| orders a second, embedded parts |",
        "| events drained a second, embedded parts |",
        "| memory of all services, embedded parts |",
    ] {
        assert!(out.contains(text), "{out}");
    }
}
