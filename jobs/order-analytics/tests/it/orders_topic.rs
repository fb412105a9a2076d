//! The orders topic changes while the job runs.

use std::time::Duration;

use nix::sys::signal::Signal;
use test_support::patience::eventually;
use test_support::servers::{on_each_broker, shared_dev_broker};
use weir_kafka::{TopicSpec, ensure};

use crate::admin::{delete_before, delete_topic};
use crate::job::Job;
use crate::stage::{Stage, orders};

const LONG: Duration = Duration::from_secs(60);

/// A job that has published the first windows of what is in the topic.
fn running(stage: &Stage) -> Job {
    let job = Job::start(&stage.arguments(&[]));
    eventually("results", || {
        stage.read("results").pop().ok_or_else(|| job.stderr())
    });
    job
}

#[test]
fn that_it_is_deleted_ends_the_job_which_says_so() {
    on_each_broker(|address| {
        let stage = Stage::new(address);
        stage.make("orders", 1);
        stage.write_orders(&orders(300, 2, 0), 1);
        let mut job = running(&stage);
        delete_topic(&stage, "orders");
        job.ends_with(65, LONG);
        let log = job.stderr();
        assert!(log.contains("is not the log that this job has read"), "{log}");
    });
}

#[test]
fn that_retention_passes_the_job_ends_it_and_the_next_start_counts_what_is_lost() {
    on_each_broker(|address| {
        let stage = Stage::new(address);
        stage.make("orders", 1);
        stage.write_orders(&orders(300, 2, 0), 1);
        let mut job = running(&stage);
        // It sleeps while the log grows and is cut.
        job.signal(Signal::SIGSTOP);
        // What answers the question that it had under way, then what it has not asked for.
        stage.write_orders(&orders(300, 2, 150), 1);
        stage.write_orders(&orders(300, 2, 300), 1);
        delete_before(&stage, "orders", 800);
        job.signal(Signal::SIGCONT);
        job.ends_with(69, LONG);
        let published = stage.results();

        let after = orders(300, 2, 1_000);
        stage.write_orders(&after, 1);
        let job = Job::start(&stage.arguments(&[]));
        eventually("the new windows", || {
            let results = stage.results();
            let new = results.range(1_000..).count();
            if new >= 2 { Ok(()) } else { Err(job.stderr()) }
        });
        assert!(job.metric("order_analytics_records_lost_total") > 0);
        assert!(job.stderr().contains("published windows are frozen"));
        let now = stage.results();
        assert!(published.iter().all(|(window, result)| now[window] == *result));
    });
}

#[test]
fn that_it_is_compacted_is_warned_of() {
    for (policy, warned) in [("compact", true), ("compact,delete", true), ("delete", false)] {
        let stage = Stage::new(&shared_dev_broker());
        let spec = TopicSpec {
            name: stage.topic("orders"),
            partitions: 1,
            configs: vec![("cleanup.policy", policy.to_owned())],
        };
        ensure(&stage.connection, &[spec]).unwrap();
        let mut job = Job::start(&stage.arguments(&["--bounded"]));
        job.ends_with(0, LONG);
        let log = job.stderr();
        assert_eq!(log.contains("the orders topic is compacted"), warned, "{log}");
    }
}
