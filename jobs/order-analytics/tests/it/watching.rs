//! What is seen from outside.

use test_support::patience::eventually;
use test_support::servers::shared_dev_broker;

use crate::job::{Job, metric_in};
use crate::stage::{Order, Stage, orders};

#[test]
fn the_metrics_account_for_every_record() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 2);
    let orders = orders(2_000, 4, 0);
    stage.write_orders(&orders, 2);
    stage.write(0, orders[1_900..].iter().map(Order::json));
    stage.write(1, ["garbage", r#"{"event_type":"order.cancelled"}"#]);
    // Far too late by now.
    stage.write(0, orders[..10].iter().map(Order::json));
    let end = Order {
        id: 9_999_999,
        user: 1,
        cents: 1,
        at: 1_000,
    };
    stage.write(0, [end.json()]);
    stage.write(1, [end.json()]);
    let job = Job::start(&stage.arguments(&[]));
    eventually("readiness", || match job.get("/ready") {
        (200, _) => Ok(()),
        (_, body) => Err(body),
    });
    let metrics = eventually("all records", || {
        let (_, metrics) = job.get("/metrics");
        let of = |name: &str| metric_in(&metrics, &format!("order_analytics_{name}"));
        let (late, invalid) = (of("orders_late_total"), of("records_invalid_total"));
        let (ignored, counted) = (
            of("events_ignored_total"),
            of("orders_accepted_total") + of("orders_duplicate_total"),
        );
        assert_eq!(of("records_consumed_total"), counted + ignored + late + invalid);
        // The two that moved the clocks are in no cut before the partitions have been quiet for a while.
        let all = (late, invalid, ignored, (2_100..=2_102).contains(&counted));
        // A tenth window closes when all have been quiet for long enough.
        let published = of("windows_published_total") >= 9;
        let state = (of("broker_up"), of("ready"), published);
        if (all, state) == ((10, 1, 1, true), (1, 1, true)) {
            Ok(metrics)
        } else {
            Err(format!("{all:?} {state:?}"))
        }
    });
    assert_eq!(metric_in(&metrics, "order_analytics_replay_mismatches_total"), 0);
    assert_eq!(
        (job.get("/health").0, job.get("/ready").0, job.get("/nowhere").0),
        (200, 200, 404)
    );
    for name in [
        "consumer_lag_records{partition=\"0\"}",
        "watermark_lag_seconds{partition=\"1\"}",
        "commit_duration_seconds_count",
        "transaction_failures_total",
        "parquet_writes_total",
        "parquet_written_bytes_total",
        "in_flight_records",
        "build_info{version=",
    ] {
        assert!(metrics.contains(name), "{name} is missing in:\n{metrics}");
    }
    assert_eq!(stage.read("late").len(), 10);
}
