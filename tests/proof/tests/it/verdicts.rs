//! One bounded run over a stream that is wrong in one way: which order goes where.

use proof::feed::{GARBAGE, LEAP_EVE, OrderText, Planned, Receipts, Shape, Transactional, Writer, garbage};
use proof::kafka;

use crate::support::{on_both_brokers, order, stage};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

on_both_brokers! {
    fn a_rough_stream_gives_exact_windows(bootstrap: &str) {
        for workers in [1, 2, 4] {
            let (mut stage, mut feed) = stage(bootstrap, "rough", Shape::rough(u64::from(workers)));
            stage.job.workers = workers;
            stage.write(&mut feed, 15 * MINUTE).unwrap();
            stage.job.finish().unwrap();
            let verdict = stage.judge().unwrap();
            verdict.assert_holds();
            assert!(verdict.accepted > 3_000 && verdict.dead > 100, "{verdict}");
            assert_eq!(verdict.late, verdict.late_by_own_partition, "{verdict}");
            assert!(verdict.late > 0, "{verdict}");
        }
    }

    fn orders_written_in_transactions_count_when_committed(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "transactions", Shape { disorder_ms: 4_000, ..Shape::default() });
        let id = format!("{}-feed", stage.job.id);
        let mut writer = Transactional::new(bootstrap, &stage.job.topics.orders, &id).unwrap();
        let mut committed = 0;
        for n in 0..12 {
            let records = feed.next(30_000);
            writer.open(&records).unwrap();
            if n % 3 == 1 {
                writer.abort().unwrap();
            } else {
                committed += records.len();
                writer.commit().unwrap();
            }
        }
        stage.acknowledge(writer.committed());
        stage.job.workers = 2;
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert_eq!(verdict.accepted, i64::try_from(committed).unwrap());
    }

    fn a_value_that_the_dead_letters_cannot_take_with_its_headers_is_cut(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "large", Shape::default());
        stage.write(&mut feed, 2 * MINUTE).unwrap();
        // It fits the orders topic exactly, and no dead-letter topic of the same limit with its headers.
        let large = Planned {
            partition: 0,
            timestamp: feed.now_ms(),
            key: Some(b"large".to_vec()),
            value: Some(vec![b'x'; 1_048_400]),
        };
        stage.write_these(&[large]).unwrap();
        stage.write(&mut feed, 2 * MINUTE).unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert_eq!(verdict.dead, 1);
        let cut = stage.evidence.dlq.values().next().unwrap();
        assert_eq!(cut.header("truncated").as_deref(), Some("1048405"));
    }

    fn values_far_larger_than_the_dead_letters_take_are_cut(bootstrap: &str) {
        let (mut stage, mut feed) = stage(bootstrap, "huge", Shape::default());
        let orders = format!("{}-huge", stage.job.topics.orders);
        stage.replace_orders_topic(&orders, 4, &[("max.message.bytes", "12000000")]).unwrap();
        stage.write(&mut feed, MINUTE).unwrap();
        let huge: Vec<Planned> = (0..6)
            .map(|n| Planned {
                partition: n % 4,
                timestamp: feed.now_ms(),
                key: Some(b"huge".to_vec()),
                value: Some(vec![b'['; 10_000_000]),
            })
            .collect();
        stage.write_these(&huge).unwrap();
        stage.write(&mut feed, 2 * MINUTE).unwrap();
        stage.job.workers = 2;
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert_eq!(verdict.dead, 6);
    }

    fn late_orders_revise_their_window_or_go_to_the_late_topic(bootstrap: &str) {
        let shape = Shape { late: 0.05, tardy: 0.05, ..Shape::default() };
        let (mut stage, mut feed) = stage(bootstrap, "late", shape);
        for workers in [1, 2, 1] {
            stage.write(&mut feed, 4 * MINUTE).unwrap();
            stage.job.workers = workers;
            stage.job.finish().unwrap();
        }
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert!(verdict.revisions > 0 && verdict.late > 0, "{verdict}");
        assert_eq!(verdict.by_commit, stage.results().unwrap().len() as i64, "{verdict}");
    }

    fn disorder_within_the_lag_never_revises_a_window(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "disorder",
            Shape {
                disorder_ms: 9_000,
                ..Shape::default()
            },
        );
        stage.job.workers = 2;
        stage.write(&mut feed, 20 * MINUTE).unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert_eq!((verdict.revisions, verdict.late), (0, 0), "{verdict}");
        assert_eq!(
            stage.results().unwrap().len() as i64,
            verdict.windows,
            "each window exactly once"
        );
    }

    fn copies_of_an_order_change_nothing_whichever_partition_they_come_from(bootstrap: &str) {
        let shape = Shape {
            again: 0.4,
            copies: 0.6,
            odd_layouts: 0.5,
            ..Shape::default()
        };
        let (mut stage, mut feed) = stage(bootstrap, "copies", shape);
        stage.job.workers = 4;
        stage.write(&mut feed, 10 * MINUTE).unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        let totals = stage.evidence.totals.unwrap();
        assert!(totals.duplicate > totals.accepted / 2, "{totals:?}");
    }

    fn every_kind_of_garbage_goes_to_the_dead_letters_with_its_reason(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "garbage",
            Shape {
                partitions: 2,
                ..Shape::default()
            },
        );
        stage.write(&mut feed, MINUTE).unwrap();
        let now = feed.now_ms();
        let mut records: Vec<Planned> = GARBAGE
            .iter()
            .map(|kind| {
                let text = OrderText::new("bad-1", "u-1", vec![("p-1".to_owned(), 1, 100)], now);
                Planned {
                    value: Some(garbage(kind, &text)),
                    key: Some(kind.as_bytes().to_vec()),
                    ..order(0, "", "", now)
                }
            })
            .collect();
        records.push(Planned {
            value: None,
            ..order(1, "tombstone", "", now)
        });
        records.push(Planned {
            value: None,
            key: None,
            ..order(1, "", "", now)
        });
        stage.write_these(&records).unwrap();
        stage.write(&mut feed, 2 * MINUTE).unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert_eq!(verdict.dead, records.len() as i64);
        for record in stage.evidence.dlq.values() {
            assert!(record.header("error").unwrap().len() > 5, "{record:?}");
        }
    }

    fn an_order_may_be_as_far_ahead_as_allowed_and_not_a_millisecond_more(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "future",
            Shape {
                future: 0.1,
                ..Shape::default()
            },
        );
        stage.write(&mut feed, 3 * MINUTE).unwrap();
        let now = feed.now_ms();
        let at_limit = Planned {
            timestamp: now,
            ..order(0, "o-at-limit", "u", now + MINUTE)
        };
        let beyond = Planned {
            timestamp: now,
            ..order(0, "future-beyond", "u", now + MINUTE + 1)
        };
        stage.write_these(&[at_limit, beyond]).unwrap();
        stage.write(&mut feed, 3 * MINUTE).unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        // One bad clock closed nobody's windows.
        assert_eq!((verdict.late, verdict.revisions), (0, 0), "{verdict}");
        assert!(verdict.dead > 50, "{verdict}");
    }

    fn empty_partitions_hold_nothing_up(bootstrap: &str) {
        let (mut stage, mut feed) = stage(
            bootstrap,
            "empty",
            Shape {
                partitions: 6,
                empty: vec![0, 3, 5],
                ..Shape::default()
            },
        );
        stage.job.workers = 4;
        stage.write(&mut feed, 5 * MINUTE).unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert_eq!((verdict.late, verdict.revisions), (0, 0), "{verdict}");
    }

    fn an_empty_topic_gives_no_window_and_no_failure(bootstrap: &str) {
        let (mut stage, _) = stage(bootstrap, "nothing", Shape::default());
        stage.job.finish().unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert!(stage.results().unwrap().is_empty());
    }

    fn a_partition_that_lags_an_hour_makes_nothing_late(bootstrap: &str) {
        for workers in [1, 2] {
            let shape = Shape {
                disorder_ms: 3_000,
                lagging: Some((3, HOUR)),
                ..Shape::default()
            };
            let (mut stage, mut feed) = stage(bootstrap, "lagging", shape);
            stage.job.workers = workers;
            stage.write(&mut feed, 10 * MINUTE).unwrap();
            stage.job.finish().unwrap();
            let verdict = stage.judge().unwrap();
            verdict.assert_holds();
            assert_eq!((verdict.late, verdict.revisions), (0, 0), "{verdict}");
        }
    }

    fn a_partition_that_goes_quiet_and_comes_back_loses_nothing(bootstrap: &str) {
        let shape = Shape {
            disorder_ms: 3_000,
            quiet: vec![(1, 2 * MINUTE, 30 * MINUTE), (2, 20 * MINUTE, HOUR)],
            ..Shape::default()
        };
        let (mut stage, mut feed) = stage(bootstrap, "quiet", shape);
        stage.job.workers = 2;
        stage.write(&mut feed, 40 * MINUTE).unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert_eq!((verdict.late, verdict.revisions), (0, 0), "{verdict}");
    }

    fn a_single_partition_and_a_hundred_give_exact_windows(bootstrap: &str) {
        for partitions in [1, 100] {
            let (mut stage, mut feed) = stage(
                bootstrap,
                "partitions",
                Shape {
                    partitions,
                    rate: 20.0,
                    ..Shape::rough(5)
                },
            );
            stage.job.workers = 2;
            stage.write(&mut feed, 6 * MINUTE).unwrap();
            stage.job.finish().unwrap();
            stage.judge().unwrap().assert_holds();
        }
    }

    fn orders_at_both_edges_of_a_window_fall_into_the_right_one(bootstrap: &str) {
        let (mut stage, _) = stage(
            bootstrap,
            "edges",
            Shape {
                partitions: 1,
                ..Shape::default()
            },
        );
        let records: Vec<Planned> = [0, MINUTE - 1, MINUTE, 2 * MINUTE - 1, 2 * MINUTE]
            .iter()
            .map(|after| order(0, &format!("o-{after}"), "u-1", LEAP_EVE + after))
            .collect();
        stage.write_these(&records).unwrap();
        stage.job.finish().unwrap();
        let verdict = stage.judge().unwrap();
        verdict.assert_holds();
        assert_eq!((verdict.windows, verdict.accepted), (3, 5), "{verdict}");
    }

    fn the_job_creates_the_topics_that_are_missing(bootstrap: &str) {
        let (mut stage, _) = stage(bootstrap, "missing", Shape::default());
        stage.job.topics.orders += "-new";
        stage.job.finish().unwrap();
        let partitions = |topic: &str| kafka::partitions(&stage.job.bootstrap, topic).unwrap().len();
        assert_eq!(partitions(&stage.job.topics.orders), 4);
        assert_eq!(partitions(&stage.job.topics.results), 1);
        assert_eq!(partitions(&stage.job.topics.progress), 1);
    }
}

#[test]
fn a_broker_that_holds_other_orders_than_it_acknowledged_is_at_fault() {
    let (mut stage, mut feed) = stage(crate::support::broker(), "stranger", Shape::default());
    stage.write(&mut feed, MINUTE).unwrap();
    let mut stranger = Writer::new(&stage.job.bootstrap, &stage.job.topics.orders).unwrap();
    let orders = [order(0, "o-stranger", "u-1", feed.now_ms())];
    stranger.write(&orders).unwrap();
    stage.job.finish().unwrap();
    let verdict = stage.judge().unwrap();
    assert_eq!(verdict.faults.len(), 1, "{verdict}");
    stage.acknowledge(&stranger.take_acknowledged());
    stage.judge().unwrap().assert_holds();
    // And one that was acknowledged and is not there.
    let mut lost = Receipts::default();
    lost.add(0, Some(b"o-lost"), Some(b"{}"));
    stage.acknowledge(&lost);
    let verdict = stage.judge().unwrap();
    assert_eq!(verdict.faults.len(), 1, "{verdict}");
}

#[test]
fn a_job_that_complains_in_its_log_is_at_fault_whatever_the_topics_hold() {
    let (mut stage, mut feed) = stage(crate::support::broker(), "complains", Shape::default());
    stage.write(&mut feed, 60_000).unwrap();
    stage.job.finish().unwrap();
    stage.judge().unwrap().assert_holds();
    let said = format!(
        "{}\nthread 'worker 0' panicked at src/ledger.rs\n",
        stage.job.said()
    );
    std::fs::write(&stage.job.log, said).unwrap();
    let verdict = stage.judge().unwrap();
    assert_eq!(verdict.faults.len(), 1, "{verdict}");
    assert!(!verdict.holds(), "{verdict}");
}
