//! A job that follows the topic, and what happens around it while it does. The first orders are written before it starts:
//! in a partition that is empty until then, its clock may run ahead of them.

use std::time::{Duration, Instant};

use proof::feed::{Feed, Planned, Shape, Transactional};
use proof::harness::{FailPoint, Stage};
use proof::oracle::Verdict;
use test_support::broker_process::BrokerProcess;
use test_support::child::{Child, killed};
use test_support::kafka_process::{self, KafkaProcess};
use test_support::patience::until;

use crate::support::{PATIENCE, on_both_brokers, order, proof, stage};

const SECOND: i64 = 1_000;

/// Short windows and a short lag, so that a proof of quiet takes a second and not ten.
fn quick() -> Shape {
    Shape {
        window_ms: 5 * SECOND,
        lag_ms: SECOND,
        lateness_ms: 60 * SECOND,
        slack_ms: 30 * SECOND,
        rate: 40.0,
        disorder_ms: 500,
        ..Shape::default()
    }
}

/// Stops the job as an operator would, closes what is open, and judges.
fn stop_and_judge(stage: &mut Stage, mut job: Child) -> Verdict {
    job.terminate().unwrap();
    let status = job.wait(PATIENCE).unwrap();
    assert!(status.success(), "{status}: {}", job.tail());
    stage.job.finish().unwrap();
    let verdict = stage.judge().unwrap();
    verdict.assert_holds();
    verdict
}

on_both_brokers! {
    fn the_last_window_closes_when_all_partitions_are_quiet(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "all-quiet", Shape { empty: vec![2], disorder_ms: 0, ..quick() });
        stage.job.workers = 2;
        stage.write(&mut feed, 12 * SECOND).unwrap();
        let job = stage.job.follow().unwrap();
        stage.await_results(3, PATIENCE).unwrap();
        let verdict = stage.judge_topics().unwrap();
        verdict.assert_holds();
        assert_eq!((verdict.windows, verdict.revisions), (3, 0), "{verdict}");
        stop_and_judge(&mut stage, job);
    }

    fn an_open_transaction_is_no_quiet_partition(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "open", Shape { empty: vec![0], lateness_ms: 0, ..quick() });
        let id = format!("{}-feed", stage.job.id);
        let mut writer = Transactional::new(bootstrap, &stage.job.topics.orders, &id).unwrap();
        let held: Vec<Planned> =
            (0..20).map(|n| order(0, &format!("o-held-{n}"), "u-held", feed.now_ms() + n * SECOND)).collect();
        writer.open(&held).unwrap();
        stage.write(&mut feed, 10 * SECOND).unwrap();
        let job = stage.job.follow().unwrap();
        // Long enough for the other partitions to be proven quiet, were this one so as well.
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(4) {
            stage.write(&mut feed, 10 * SECOND).unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
        writer.commit().unwrap();
        stage.acknowledge(writer.committed());
        stage.write(&mut feed, 20 * SECOND).unwrap();
        let verdict = stop_and_judge(&mut stage, job);
        assert_eq!(verdict.late, 0, "the orders held open were in time: {verdict}");
    }

    fn a_frozen_job_that_was_taken_over_writes_nothing_when_it_wakes(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "zombie", quick());
        stage.write(&mut feed, 30 * SECOND).unwrap();
        let mut old = stage.job.follow().unwrap();
        let before = stage.await_results(4, PATIENCE).unwrap().len();
        old.freeze().unwrap();
        stage.write(&mut feed, 30 * SECOND).unwrap();
        stage.job.workers = 2;
        let new = stage.job.follow().unwrap();
        stage.await_results(before + 4, PATIENCE).unwrap();
        old.thaw().unwrap();
        let status = old.wait(PATIENCE).unwrap();
        assert_eq!(status.code(), Some(76), "fenced: {}", old.tail());
        stage.write(&mut feed, 30 * SECOND).unwrap();
        stop_and_judge(&mut stage, new);
    }

    fn a_job_that_stands_still_for_a_while_goes_on(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "frozen", quick());
        stage.write(&mut feed, 30 * SECOND).unwrap();
        let job = stage.job.follow().unwrap();
        stage.await_results(4, PATIENCE).unwrap();
        job.freeze().unwrap();
        let frozen = Instant::now();
        while frozen.elapsed() < Duration::from_secs(3) {
            stage.write(&mut feed, 5 * SECOND).unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
        let before = stage.results().unwrap().len();
        job.thaw().unwrap();
        stage.write(&mut feed, 30 * SECOND).unwrap();
        stage.await_results(before + 5, PATIENCE).unwrap();
        stop_and_judge(&mut stage, job);
    }

    fn partitions_added_while_running_are_read_from_their_beginning(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "added", Shape { partitions: 2, ..quick() });
        stage.job.workers = 2;
        stage.write(&mut feed, 20 * SECOND).unwrap();
        let mut job = stage.job.follow().unwrap();
        stage.await_results(2, PATIENCE).unwrap();
        stage.add_partitions(5).unwrap();
        feed.shape_mut().partitions = 5;
        feed.shape_mut().rate = 10.0;
        // Written until the job shows orders of a new partition in its windows.
        let fed = feed_until_read(&mut stage, &mut feed, &mut job, 2);
        assert!(fed, "no order of the new partitions was read: {}", job.tail());
        stop_and_judge(&mut stage, job);
    }

    fn a_partition_that_goes_quiet_does_not_hold_the_windows(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "goes-quiet",
            Shape {
                quiet: vec![(1, 20 * SECOND, 300 * SECOND)],
                ..quick()
            },
        );
        stage.job.workers = 2;
        stage.write(&mut feed, 20 * SECOND).unwrap();
        let job = stage.job.follow().unwrap();
        let mut windows = 0;
        until("windows close past the quiet partition", PATIENCE, || {
            stage.write(&mut feed, SECOND)?;
            windows = stage.results()?.len();
            Ok((windows > 12).then_some(()))
        })
        .unwrap();
        // It comes back in time.
        feed.shape_mut().quiet.clear();
        stage.write(&mut feed, 20 * SECOND).unwrap();
        let verdict = stop_and_judge(&mut stage, job);
        assert_eq!(verdict.late, 0, "{verdict}");
    }

    fn late_orders_revise_a_published_window_while_running(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "revise", quick());
        let job = stage.job.follow().unwrap();
        let first = feed.now_ms();
        stage.write(&mut feed, 20 * SECOND).unwrap();
        let before = stage.await_results(3, PATIENCE).unwrap();
        stage
            .write_these(&[order(0, "tardy-1", "u-tardy", first)])
            .unwrap();
        let results = until("a revision", PATIENCE, || {
            let results = stage.results()?;
            Ok(results
                .iter()
                .any(|result| {
                    String::from_utf8_lossy(result.value.as_deref().unwrap()).contains(r#""revision":1"#)
                })
                .then_some(results))
        })
        .unwrap();
        assert!(results.len() > before.len());
        let verdict = stop_and_judge(&mut stage, job);
        assert!(verdict.revisions > 0, "{verdict}");
    }

    fn sigterm_finishes_the_commit_in_hand_and_exits_zero(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "sigterm", quick());
        for workers in [1, 2] {
            stage.job.workers = workers;
            let before = stage.results().unwrap().len();
            stage.write(&mut feed, 20 * SECOND).unwrap();
            let job = stage.job.follow().unwrap();
            stage.await_results(before + 3, PATIENCE).unwrap();
            stop_and_judge(&mut stage, job);
        }
    }

    fn a_job_killed_at_each_named_moment_counts_every_order_once(bootstrap: &str) {
        // They mostly wait: side by side they take no longer than one.
        std::thread::scope(|scope| {
            for (point, workers) in FailPoint::ALL.into_iter().zip([1, 2, 4, 2]) {
                scope.spawn(move || kill_twice_at(bootstrap, point, workers));
            }
        });
    }
}

fn kill_twice_at(bootstrap: &str, point: FailPoint, workers: u32) {
    let (mut stage, mut feed) = stage(
        bootstrap,
        point.name(),
        Shape {
            rate: 10.0,
            ..Shape::rough(31)
        },
    );
    stage.job.workers = workers;
    stage.write(&mut feed, 180 * SECOND).unwrap();
    stage.job.finish().unwrap();
    for passage in 1..=2 {
        // During recovery there is one moment only.
        stage.job.fail = Some((
            point,
            if point == FailPoint::DuringRecovery {
                1
            } else {
                passage
            },
        ));
        let mut job = stage.job.follow().unwrap();
        let status = until(point.name(), PATIENCE, || {
            stage.write(&mut feed, 20 * SECOND)?;
            std::thread::sleep(Duration::from_millis(50));
            job.ended()
        })
        .unwrap();
        assert!(killed(status), "{status}: {}", job.tail());
    }
    stage.job.fail = None;
    stage.job.finish().unwrap();
    stage.judge().unwrap().assert_holds();
}

/// Writes on until the job has taken in records of partitions from `first` up.
fn feed_until_read(stage: &mut Stage, feed: &mut Feed, job: &mut Child, first: i32) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && job.ended().unwrap().is_none() {
        stage.write(feed, SECOND).unwrap();
        let progress = proof::kafka::read_all(&stage.job.bootstrap, &stage.job.topics.progress).unwrap();
        let last: Option<serde_json::Value> = progress
            .last()
            .and_then(|record| serde_json::from_slice(record.value.as_deref()?).ok());
        let processed =
            last.and_then(|progress| progress["partitions"][first.to_string()]["processed"].as_i64());
        if processed.is_some_and(|processed| processed > 0) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}

#[test]
fn a_broker_that_dies_and_comes_back_costs_nothing() {
    let mut broker = BrokerProcess::start(proof()).unwrap();
    let (mut stage, mut feed) = stage(broker.address(), "broker", quick());
    let mut job = stage.job.follow().unwrap();
    for _ in 0..3 {
        stage.write(&mut feed, 30 * SECOND).unwrap();
        let before = stage.results().unwrap().len();
        broker.kill().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        broker.restart().unwrap();
        stage.write(&mut feed, 30 * SECOND).unwrap();
        stage.await_results(before + 3, PATIENCE).unwrap();
        assert_eq!(
            job.ended().unwrap(),
            None,
            "the job lives through it: {}",
            job.tail()
        );
    }
    stop_and_judge(&mut stage, job);
}

#[test]
fn an_apache_kafka_that_dies_and_comes_back_costs_nothing() {
    let Some(jars) = kafka_process::jars() else { return };
    let mut kafka = KafkaProcess::start(&jars).unwrap();
    let (mut stage, mut feed) = stage(kafka.address(), "kafka", quick());
    let mut job = stage.job.follow().unwrap();
    stage.write(&mut feed, 30 * SECOND).unwrap();
    stage.await_results(1, PATIENCE).unwrap();
    stage.write(&mut feed, 30 * SECOND).unwrap();
    kafka.kill().unwrap();
    kafka.restart().unwrap();
    let before = stage.results().unwrap().len();
    stage.write(&mut feed, 30 * SECOND).unwrap();
    stage.await_results(before + 3, PATIENCE).unwrap();
    assert_eq!(
        job.ended().unwrap(),
        None,
        "the job lives through it: {}",
        job.tail()
    );
    stop_and_judge(&mut stage, job);
}

#[test]
fn a_job_and_a_broker_killed_together_count_every_order_once() {
    let mut broker = BrokerProcess::start(proof()).unwrap();
    let (mut stage, mut feed) = stage(broker.address(), "both", quick());
    for workers in [1, 2] {
        stage.job.workers = workers;
        let job = stage.job.follow().unwrap();
        let before = stage.results().unwrap().len();
        stage.write(&mut feed, 30 * SECOND).unwrap();
        stage.await_results(before + 1, PATIENCE).unwrap();
        broker.kill().unwrap();
        job.kill().unwrap();
        broker.restart().unwrap();
    }
    let before = stage.results().unwrap().len();
    let job = stage.job.follow().unwrap();
    stage.write(&mut feed, 30 * SECOND).unwrap();
    stage.await_results(before + 3, PATIENCE).unwrap();
    stop_and_judge(&mut stage, job);
}
