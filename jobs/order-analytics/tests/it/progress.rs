//! The progress record, and what a start makes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use order_analytics::progress::Progress;
use test_support::patience::eventually;
use test_support::servers::{on_each_broker, shared_dev_broker};

use crate::admin::committed;
use crate::job::Job;
use crate::stage::{Stage, orders};

const LONG: Duration = Duration::from_secs(60);

fn progress(stage: &Stage) -> Progress {
    let record = stage.read("progress").pop().unwrap();
    Progress::read(record.value.as_deref().unwrap()).unwrap()
}

#[test]
fn the_offsets_of_the_group_are_those_of_the_progress() {
    on_each_broker(|address| {
        let stage = Stage::new(address);
        stage.make("orders", 3);
        stage.write_orders(&orders(900, 3, 0), 3);
        for more in [0, 1] {
            stage.write_orders(&orders(300, 3, 300 + more * 100), 3);
            Job::start(&stage.arguments(&["--bounded", "--workers", "2"])).ends_with(0, LONG);
            let processed: BTreeMap<i32, i64> = progress(&stage)
                .partitions
                .iter()
                .map(|(id, partition)| (*id, partition.processed))
                .collect();
            assert_eq!(processed.len(), 3);
            assert_eq!(committed(&stage, 3), processed);
        }
    });
}

#[test]
fn a_window_that_the_replay_makes_otherwise_is_counted_told_and_not_written() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let orders = orders(400, 2, 0);
    stage.write_orders(&orders, 1);
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, LONG);
    let mut told = progress(&stage);
    assert!(!told.windows.is_empty());
    for window in told.windows.values_mut() {
        window.totals.orders += 1;
    }
    stage.write_to("progress", 0, [Some(told.to_json())]);
    let written = stage.end("results");
    let mut job = Job::start(&stage.arguments(&[]));
    eventually("a mismatch", || {
        match job.metric("order_analytics_replay_mismatches_total") {
            0 => Err(job.stderr()),
            _ => Ok(()),
        }
    });
    job.says("the log gives another result than was published");
    drop(job);
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, LONG);
    assert_eq!(stage.end("results"), written);
    stage.holds(&orders, 60);
}
