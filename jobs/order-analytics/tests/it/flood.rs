//! A flood of garbage: no clock moves, so nothing can be cut, and yet memory and transactions stay bounded.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use test_support::dev_broker::DevBroker;

use crate::job::Job;
use crate::stage::{Stage, header, orders};

const RECORDS: usize = 200_000;
const RECORD_BYTES: usize = 1_000;
/// How long nothing may come.
const STANDSTILL: Duration = Duration::from_secs(60);

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

/// Waits until the dead-letter topic holds so many offsets, for as long as more of them come. Those of transaction
/// markers are among them, so there are a few records less.
fn rejected(stage: &Stage, job: &Job, count: usize) {
    let mut seen = 0;
    let mut progressed = Instant::now();
    loop {
        let now = stage.end("dlq");
        if now >= count as i64 {
            return;
        }
        if now > seen {
            (seen, progressed) = (now, Instant::now());
        }
        assert!(
            progressed.elapsed() < STANDSTILL,
            "{seen} of {count} are rejected\n{}",
            job.stderr()
        );
        std::thread::sleep(Duration::from_millis(50));
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

    let mut job = Job::start(&stage.arguments(&[]));
    rejected(&stage, &job, RECORDS / 3);
    let first_peak = job.peak_mib();
    job.signal(nix::sys::signal::Signal::SIGKILL);
    job.ended(Duration::from_secs(30));

    let job = Job::start(&stage.arguments(&[]));
    rejected(&stage, &job, RECORDS);
    let peak = job.peak_mib().max(first_peak);
    eprintln!("peak before the kill {first_peak} MiB, of both runs {peak} MiB");
    assert!(peak < 250, "{peak} MiB");
    drop(job);
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, Duration::from_secs(180));
    stage.holds(&orders, 60);
    let offsets: Vec<_> = stage
        .read("dlq")
        .iter()
        .map(|record| header(record, "source_offset").unwrap())
        .collect();
    assert_eq!(offsets.len(), RECORDS);
    assert_eq!(offsets.iter().collect::<BTreeSet<_>>().len(), RECORDS);
}
