//! The benchmark from end to end, small.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn a_small_run_measures_floor_and_job_and_prints_both_tables() {
    let output = Command::new(env!("CARGO_BIN_EXE_benchmark"))
        .args(["--orders", "20000", "--repeat", "1", "--only", "throughput"])
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{err}");
    for text in [
        "| job: peak memory |",
        "job: orders a second",
        "share of the floor",
    ] {
        assert!(out.contains(text), "{out}");
    }
}
