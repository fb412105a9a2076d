//! A job ends within seconds of a signal, whatever it is doing.

use std::time::Duration;

use nix::sys::signal::Signal;
use test_support::address::free_address;
use test_support::dev_broker::DevBroker;
use test_support::patience::eventually;
use test_support::servers::shared_dev_broker;

use crate::job::Job;
use crate::stage::{Stage, orders};

/// A job gives up after some seconds; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// A job that has published what there was.
fn running(stage: &Stage, more: &[&str]) -> Job {
    let job = Job::start(&stage.arguments(more));
    eventually("readiness", || match job.get("/ready") {
        (200, _) => Ok(()),
        (_, body) => Err(body),
    });
    job
}

#[test]
fn while_it_waits_for_the_broker() {
    let stage = Stage::new(&free_address().to_string());
    let mut job = Job::start(&stage.arguments(&[]));
    job.says("waiting for");
    assert_eq!(job.get("/ready").0, 503);
    assert_eq!(job.metric("order_analytics_broker_up"), 0);
    job.signal(Signal::SIGTERM);
    job.ends_with(0, SOON);
}

#[test]
fn while_it_runs_and_what_it_has_published_stands() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let orders = orders(1_000, 2, 0);
    stage.write_orders(&orders, 1);
    let mut job = running(&stage, &[]);
    eventually("results", || {
        let windows = stage.read("results").len();
        if windows >= 7 {
            Ok(())
        } else {
            Err(format!("{windows}"))
        }
    });
    job.signal(Signal::SIGINT);
    job.ends_with(0, SOON);
    assert!(job.stderr().contains("\"ended\""), "{}", job.stderr());
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, Duration::from_secs(60));
    stage.holds(&orders, 60);
}

#[test]
fn while_it_reads_the_live_windows_again_and_nothing_is_lost() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    // All in one window that stays live, so that a start reads all of them again.
    let mut all = orders(200_000, 10_000, 30);
    stage.write_orders(&all, 1);
    let lateness = ["--allowed-lateness", "1h"];
    let bounded = stage.arguments(&[&lateness[..], &["--bounded"]].concat());
    Job::start(&bounded).ends_with(0, Duration::from_secs(60));
    // A signal that comes after the replay has missed it: then the run has committed the new window.
    let stopped_in_it = (0..10).any(|round| {
        let more = orders(100, 1, 200 + 100 * round);
        stage.write_orders(&more, 1);
        all.extend(more);
        let before = stage.end("progress");
        let mut job = Job::start(&stage.arguments(&lateness));
        job.says("\"starting\"");
        job.signal(Signal::SIGTERM);
        job.ends_with(0, SOON);
        stage.end("progress") == before
    });
    assert!(stopped_in_it, "the replay is always faster than the signal");
    Job::start(&bounded).ends_with(0, Duration::from_secs(60));
    stage.holds(&all, 60);
}

#[test]
fn while_a_commit_waits_for_a_broker_that_is_gone() {
    let mut broker = DevBroker::start();
    let stage = Stage::new(&broker.address().to_string());
    stage.make("orders", 1);
    stage.write_orders(&orders(300, 2, 0), 1);
    let mut job = running(&stage, &[]);
    eventually("results", || {
        stage.read("results").pop().ok_or_else(|| "none".to_owned())
    });
    stage.write_orders(&orders(300, 2, 200), 1);
    broker.kill();
    job.says("waiting for the Kafka broker");
    job.signal(Signal::SIGTERM);
    job.ends_with(0, SOON);
}

#[test]
fn at_once_by_a_second_signal() {
    let mut broker = DevBroker::start();
    let stage = Stage::new(&broker.address().to_string());
    stage.make("orders", 1);
    stage.write_orders(&orders(300, 2, 0), 1);
    let mut job = running(&stage, &[]);
    broker.kill();
    job.signal(Signal::SIGTERM);
    job.says("stopping");
    job.signal(Signal::SIGINT);
    let status = job.ended(SOON);
    // Either the first was enough, or the second ended it.
    assert!(matches!(status.code(), Some(0 | 130)), "{status:?}");
}

#[test]
fn a_panic_of_a_worker_or_of_the_commit_ends_the_job_and_is_told() {
    for (failpoint, text) in [
        ("worker-panics:20", "worker 0 has panicked"),
        ("commit-panics", "the thread that writes commits has panicked"),
    ] {
        let stage = Stage::new(&shared_dev_broker());
        stage.make("orders", 1);
        let orders = orders(1_000, 2, 0);
        stage.write_orders(&orders, 1);
        let mut job = Job::start_with(&stage.arguments(&[]), &[("WEIR_FAILPOINT", failpoint)]);
        job.ends_with(70, Duration::from_secs(60));
        assert!(job.stderr().contains(text), "{}", job.stderr());
        Job::start(&stage.arguments(&["--bounded"])).ends_with(0, Duration::from_secs(60));
        stage.holds(&orders, 60);
    }
}
