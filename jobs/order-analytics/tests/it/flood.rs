//! A flood of garbage: no clock moves, so nothing can be cut, and yet memory and transactions stay bounded.

use std::collections::BTreeSet;
use std::time::Duration;

use test_support::dev_broker::DevBroker;
use test_support::patience::eventually;

use crate::job::Job;
use crate::stage::{Stage, header, orders};

const RECORDS: usize = 200_000;
const RECORD_BYTES: usize = 1_000;

fn flood(stage: &Stage) {
    for part in 0..20 {
        let garbage = (0..RECORDS / 20).map(|number| {
            let mut value = format!("garbage {part} {number} ").into_bytes();
            value.resize(RECORD_BYTES, b'x');
            value
        });
        stage.write(0, garbage);
    }
}

#[test]
fn two_hundred_megabytes_of_garbage_and_a_kill_within_are_rejected_once_in_bounded_memory() {
    let broker = DevBroker::start();
    let stage = Stage::new(&broker.address().to_string());
    stage.make("orders", 1);
    let orders = orders(200, 2, 0);
    stage.write_orders(&orders, 1);
    flood(&stage);

    let rejected = || stage.read("dlq").len();
    let mut job = Job::start(&stage.arguments(&[]));
    eventually("a third of the flood", || {
        let invalid = rejected();
        if invalid > RECORDS / 3 {
            Ok(())
        } else {
            Err(format!("{invalid}\n{}", job.stderr()))
        }
    });
    let first_peak = job.peak_mib();
    job.signal(nix::sys::signal::Signal::SIGKILL);
    job.ended(Duration::from_secs(5));

    let job = Job::start(&stage.arguments(&[]));
    eventually("the rest of the flood", || {
        let invalid = rejected();
        if invalid >= RECORDS {
            Ok(())
        } else {
            Err(format!("{invalid}\n{}", job.stderr()))
        }
    });
    let peak = job.peak_mib().max(first_peak);
    eprintln!("peak before the kill {first_peak} MiB, of both runs {peak} MiB");
    assert!(peak < 250, "{peak} MiB");
    drop(job);
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, Duration::from_secs(60));
    stage.holds(&orders, 60);
    let offsets: Vec<_> = stage
        .read("dlq")
        .iter()
        .map(|record| header(record, "source_offset").unwrap())
        .collect();
    assert_eq!(offsets.len(), RECORDS);
    assert_eq!(offsets.iter().collect::<BTreeSet<_>>().len(), RECORDS);
}
