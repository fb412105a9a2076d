//! The load test, shortly, against the shop.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::servers::needed;

use crate::demo::signal;
use crate::shop::{Shop, wait};
use crate::weir::{finish, start};

/// How long the last order may take to be counted: until its window is over and all that may be late has had its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// The orders of all windows, as the API shows them.
fn counted(shop: &Shop, token: &str) -> u64 {
    let sums = shop.get("/api/v1/analytics/summary", token);
    sums["order_count"].as_u64().unwrap()
}

/// Asks until so many are shown.
fn shown(shop: &Shop, token: &str, wanted: u64) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let counted = counted(shop, token);
        if counted >= wanted {
            return counted;
        }
        assert!(
            Instant::now() < deadline,
            "{counted} of {wanted} orders were counted"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_load_test_passes_and_its_orders_are_all_taken() {
    let Some(k6) = needed("WEIR_TEST_K6", "the program k6") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // No orders but those of the load.
    let mut child = start(&data, &["--rate", "0"]);
    let (shop, _) = Shop::of(&mut child);
    let token = shop.log_in("analyst@example.test");
    assert_eq!(counted(&shop, &token), 0);
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

    // All were acknowledged, so neither fewer nor more may be counted.
    assert_eq!(shown(&shop, &token, 30), 30);

    signal(&child, "-INT");
    assert_eq!(wait(&mut child), Some(0));
    let said = finish(start(&data, &["--rate", "0", "--duration", "0s"]));
    said.assert_holds();
    assert!(
        said.out
            .contains("30 orders taken by the shop, each in the topic"),
        "{}",
        said.out
    );
}
