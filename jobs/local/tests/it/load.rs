//! The load test, shortly, against the shop.

use std::process::{Command, Stdio};

use serde_json::Value;
use test_support::servers::needed;

use crate::demo::signal;
use crate::shop::{Shop, wait};
use crate::weir::{finish, start};

#[test]
fn the_load_test_passes_and_its_orders_are_all_taken() {
    let Some(k6) = needed("WEIR_TEST_K6", "the program k6") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut child = start(&data, &["--history", "5m"]);
    let (shop, _) = Shop::of(&mut child);
    let summary = folder.path().join("summary.json");
    let output = Command::new(k6)
        .args([
            "run",
            "--quiet",
            "--no-thresholds",
            "--vus",
            "2",
            "--iterations",
            "30",
        ])
        .args(["--env", "PAUSE_S=0.05", "--env", "NO_TIMES=1"])
        .arg("--env")
        .arg(format!("BASE_URL={}", shop.base))
        .arg("--summary-export")
        .arg(&summary)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../k6/load-test.js"))
        .env("K6_NO_USAGE_REPORT", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let summary: Value = serde_json::from_slice(&std::fs::read(&summary).unwrap()).unwrap();
    let metrics = &summary["metrics"];
    assert_eq!(metrics["checks"]["fails"], 0, "{summary:#}");
    assert_eq!(metrics["http_req_failed"]["passes"], 0, "{summary:#}");
    assert_eq!(metrics["successful_orders"]["count"], 30, "{summary:#}");

    signal(&child, "-INT");
    assert_eq!(wait(&mut child), Some(0));
    let said = finish(start(&data, &["--history", "5m", "--duration", "0s"]));
    said.assert_holds();
    assert!(
        said.out
            .contains("30 orders taken by the shop, each in the topic"),
        "{}",
        said.out
    );
}
