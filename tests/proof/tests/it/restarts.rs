//! Bounded runs one after the other: between them the job, its settings, its topics or the world have changed.

use proof::feed::{Feed, Shape};
use proof::harness::{FailPoint, Stage};
use proof::kafka;
use proof::oracle::Rules;
use test_support::child::killed;

use crate::support::{PATIENCE, on_both_brokers, order, stage};

const MINUTE: i64 = 60_000;

/// The exit code of a wrong setting.
const USAGE: i32 = 64;
/// The exit code of a log that is not the one the progress speaks of.
const ANOTHER_LOG: i32 = 65;

fn write_and_finish(stage: &mut Stage, feed: &mut Feed, span_ms: i64) {
    stage.write(feed, span_ms).unwrap();
    stage.job.finish().unwrap();
}

on_both_brokers! {
    fn another_number_of_workers_simply_reads_on(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "workers", Shape::rough(21));
        for workers in [1, 4, 2, 3, 1] {
            stage.job.workers = workers;
            write_and_finish(&mut stage, &mut feed, 3 * MINUTE);
        }
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert!(verdict.revisions > 0, "{verdict}");
        assert_eq!(verdict.by_commit, stage.results().unwrap().len() as i64, "{verdict}");
    }

    fn lost_progress_publishes_and_rejects_nothing_twice(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "progress", Shape::rough(22));
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        let before = stage.results().unwrap();
        stage.admin.delete(&stage.job.topics.progress).unwrap();
        stage.job.finish().unwrap();
        assert_eq!(stage.results().unwrap(), before, "the same log gives no new result");
        stage.judge().unwrap().assert_holds();
        stage.job.workers = 2;
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        stage.judge().unwrap().assert_holds();
    }

    fn retention_beyond_what_recovery_needs_freezes_the_windows_it_took(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "retention", Shape { disorder_ms: 4_000, ..Shape::default() });
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE + 20_000);
        stage.look().unwrap();
        let live_from = feed.now_ms() - 10_000 - 2 * MINUTE;
        for (partition, (_, end)) in kafka::ends(bootstrap, &stage.job.topics.orders).unwrap() {
            stage.admin.delete_before(&stage.job.topics.orders, partition, end).unwrap();
        }
        stage.evidence.frozen = (0..=3).map(|n| (live_from / MINUTE + n) * MINUTE).filter(|start| *start <= feed.now_ms()).collect();
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        assert!(stage.job.said().contains("the log begins after"), "the loss is told");
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert!(verdict.late > 0, "orders for the frozen window: {verdict}");
    }

    fn a_topic_made_anew_is_refused(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "anew", Shape::default());
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        let before = stage.results().unwrap();
        let orders = stage.job.topics.orders.clone();
        stage.admin.delete(&orders).unwrap();
        stage.admin.create(&orders, 4, &[]).unwrap();
        // The log ends before what was processed.
        let (status, said) = stage.job.refused().unwrap();
        assert_eq!(status.code(), Some(ANOTHER_LOG), "{said}");
        assert!(said.contains(&orders), "{said}");
        // It is as long again, and other records stand there.
        let mut writer = proof::feed::Writer::new(bootstrap, &orders).unwrap();
        writer.write(&feed.next(20 * MINUTE)).unwrap();
        let (status, said) = stage.job.refused().unwrap();
        assert_eq!(status.code(), Some(ANOTHER_LOG), "{said}");
        assert_eq!(stage.results().unwrap(), before, "nothing was published");
    }

    fn retention_that_takes_unread_orders_loses_those_and_no_others(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "unread",
            Shape {
                disorder_ms: 4_000,
                ..Shape::default()
            },
        );
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE + 20_000);
        stage.look().unwrap();
        let live_from = feed.now_ms() - 10_000 - 2 * MINUTE;
        stage.evidence.frozen = (0..=3)
            .map(|n| (live_from / MINUTE + n) * MINUTE)
            .filter(|start| *start <= feed.now_ms())
            .collect();
        let orders = stage.job.topics.orders.clone();
        let read = kafka::ends(bootstrap, &orders).unwrap();
        stage.write(&mut feed, 6 * MINUTE).unwrap();
        for (partition, (_, end)) in kafka::ends(bootstrap, &orders).unwrap() {
            // Half of what was never read goes as well; the judge has not seen it either.
            stage
                .admin
                .delete_before(&orders, partition, (read[&partition].1 + end) / 2)
                .unwrap();
        }
        stage.look_after_retention().unwrap();
        stage.job.workers = 2;
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert!(
            stage.job.said().contains("the log begins after"),
            "the loss is told"
        );
    }

    fn a_run_with_nothing_new_writes_nothing(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "again", Shape::rough(23));
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        let ends = |stage: &Stage| {
            let topics = &stage.job.topics;
            [&topics.results, &topics.dlq, &topics.late]
                .map(|topic| kafka::ends(&stage.job.bootstrap, topic).unwrap())
        };
        let before = ends(&stage);
        for workers in [1, 2] {
            stage.job.workers = workers;
            stage.job.finish().unwrap();
        }
        assert_eq!(ends(&stage), before);
        stage.judge().unwrap().assert_holds();
    }

    fn a_job_that_was_stopped_for_a_day_goes_on_where_it_was(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "day", Shape::rough(24));
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        feed.pause(24 * 60 * MINUTE);
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert!(verdict.windows >= 10, "{verdict}");
    }

    fn orders_of_a_day_that_nobody_read_are_read_at_once(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "backlog",
            Shape {
                rate: 0.1,
                ..Shape::rough(25)
            },
        );
        write_and_finish(&mut stage, &mut feed, 5 * MINUTE);
        stage.job.workers = 2;
        write_and_finish(&mut stage, &mut feed, 24 * 60 * MINUTE);
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert!(verdict.windows > 1_300, "{verdict}");
    }

    fn partitions_added_between_runs_are_read_from_their_beginning(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "more",
            Shape {
                partitions: 2,
                ..Shape::rough(26)
            },
        );
        write_and_finish(&mut stage, &mut feed, 4 * MINUTE);
        stage.add_partitions(6).unwrap();
        feed.shape_mut().partitions = 6;
        stage.job.workers = 4;
        write_and_finish(&mut stage, &mut feed, 4 * MINUTE);
        stage.judge().unwrap().assert_holds();
    }

    fn a_setting_that_gives_windows_another_meaning_is_refused(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "settings", Shape::rough(27));
        write_and_finish(&mut stage, &mut feed, 4 * MINUTE);
        let before = stage.results().unwrap();
        let told = stage.job.rules.clone();
        let changed = [
            (
                "window",
                Rules {
                    window_ms: 30_000,
                    ..told.clone()
                },
            ),
            (
                "watermark-lag",
                Rules {
                    lag_ms: 11_000,
                    ..told.clone()
                },
            ),
            (
                "max-ahead",
                Rules {
                    ahead_ms: 0,
                    ..told.clone()
                },
            ),
            (
                "currency",
                Rules {
                    currency: "EUR".to_owned(),
                    ..told.clone()
                },
            ),
        ];
        for (key, rules) in changed {
            stage.job.rules = rules;
            let (status, said) = stage.job.refused().unwrap();
            assert_eq!(status.code(), Some(USAGE), "{key}: {said}");
            assert!(said.contains(key), "{key}: {said}");
        }
        stage.job.rules = told;
        assert_eq!(stage.results().unwrap(), before);
        write_and_finish(&mut stage, &mut feed, 4 * MINUTE);
        stage.judge().unwrap().assert_holds();
    }

    fn another_allowed_lateness_is_taken_and_what_is_final_stays_final(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "lateness",
            Shape {
                disorder_ms: 3_000,
                tardy: 0.0,
                ..Shape::rough(28)
            },
        );
        let longest = 5 * MINUTE;
        for lateness_ms in [MINUTE, longest, 0, 2 * MINUTE] {
            stage.job.rules.lateness_ms = lateness_ms;
            feed.shape_mut().lateness_ms = lateness_ms;
            if lateness_ms == longest {
                // Its window became final in the run before, and would be open had the lateness always been this long.
                let id = "late-for-a-final-window";
                stage
                    .write_these(&[order(0, id, "u-1", feed.now_ms() - 3 * MINUTE)])
                    .unwrap();
            }
            write_and_finish(&mut stage, &mut feed, 4 * MINUTE);
        }
        stage.job.rules.lateness_ms = longest;
        stage.judge().unwrap().assert_holds();
        let mut late = stage.evidence.late.values();
        assert!(late.any(|record| record.key.as_deref() == Some(b"late-for-a-final-window")));
    }

    fn a_bounded_run_that_was_killed_anywhere_is_finished_by_the_next(bootstrap: &str) {
        // They mostly wait: side by side they take no longer than one.
        std::thread::scope(|scope| {
            for point in FailPoint::ALL {
                scope.spawn(move || kill_a_bounded_run_at(bootstrap, point));
            }
        });
    }
}

fn kill_a_bounded_run_at(bootstrap: &str, point: FailPoint) {
    let (mut stage, mut feed) = stage(bootstrap, point.name(), Shape::rough(29));
    stage.job.workers = 2;
    write_and_finish(&mut stage, &mut feed, 4 * MINUTE);
    stage.write(&mut feed, 6 * MINUTE).unwrap();
    stage.job.fail = Some((point, 1));
    let mut job = stage.job.bounded().unwrap();
    let status = job.wait(PATIENCE).unwrap();
    assert!(killed(status), "{}: {status}: {}", point.name(), job.tail());
    stage.job.fail = None;
    stage.job.finish().unwrap();
    stage.judge().unwrap().assert_holds();
}
