use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use test_support::patience::eventually;
use weir_kafka::{
    Connection, Read, Record, Source, SourceError, SourceOptions, TopicError, Transaction, partitions,
};

use crate::servers::{make, on_each_server, record, records, sink, topic, unique};

pub(crate) fn source(connection: &Connection, topic: &str) -> (Source, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&wakes);
    let options = SourceOptions {
        topic: topic.to_owned(),
        group_id: unique("group"),
        queued_kbytes: 1024,
    };
    let wake = Arc::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    (Source::connect(connection, &options, wake).unwrap(), wakes)
}

/// Reads until the position is reached; returns the values.
pub(crate) fn read_to(source: &mut Source, partition: i32, position: i64) -> Vec<String> {
    let mut values = Vec::new();
    eventually("position", || {
        source
            .read(partition, 100, |record| {
                values.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
            })
            .unwrap();
        let seen = source.position(partition);
        if seen >= position {
            Ok(())
        } else {
            Err(format!("{seen} of {position}, {values:?}"))
        }
    });
    values
}

/// Reads partition 0 until it fails.
fn error_of(source: &mut Source) -> SourceError {
    eventually("error", || match source.read(0, 10, |_| {}) {
        Ok(read) => Err(format!("{read:?}")),
        Err(error) => Ok(error),
    })
}

/// Reads partition 0 until something came.
fn read_to_with(source: &mut Source, mut each: impl FnMut(Record<'_>)) {
    eventually("records", || match source.read(0, 10, &mut each).unwrap() {
        Read { records: 0, .. } => Err("none".into()),
        _ => Ok(()),
    });
}

pub(crate) fn admin(connection: &Connection) -> AdminClient<DefaultClientContext> {
    ClientConfig::new()
        .set("bootstrap.servers", &connection.bootstrap_servers)
        .create()
        .unwrap()
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn reads_each_partition_from_its_own_queue_and_wakes_its_owner() {
    on_each_server(|connection| {
        let topic = topic(connection, 2);
        let mut sink = sink(connection);
        let mut all = records(&topic, 0, &["a", "b"]);
        all.records.push(record(&topic, 1, "c"));
        sink.commit(&all).unwrap();
        let (mut source, wakes) = source(connection, &topic);
        source.assign(0, 0).unwrap();
        source.assign(1, 0).unwrap();
        assert_eq!(read_to(&mut source, 1, 1), ["c"]);
        assert_eq!(read_to(&mut source, 0, 2), ["a", "b"]);
        assert!(wakes.load(Ordering::SeqCst) > 0);
    });
}

#[test]
fn the_end_event_moves_the_position_past_transaction_markers_and_aborted_records() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let mut sink = sink(connection);
        sink.commit(&records(&topic, 0, &["a", "b"])).unwrap();
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 0).unwrap();
        // Two records and the marker.
        assert_eq!(read_to(&mut source, 0, 3), ["a", "b"]);
        sink.commit(&records(&topic, 0, &["c"])).unwrap();
        assert_eq!(read_to(&mut source, 0, 5), ["c"]);
    });
}

#[test]
fn a_partition_assigned_later_is_read_beside_the_others() {
    on_each_server(|connection| {
        let topic = topic(connection, 2);
        let mut sink = sink(connection);
        sink.commit(&records(&topic, 0, &["a", "b", "c"])).unwrap();
        sink.commit(&records(&topic, 1, &["x"])).unwrap();
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 1).unwrap();
        assert_eq!(read_to(&mut source, 0, 4), ["b", "c"]);
        source.assign(1, 0).unwrap();
        sink.commit(&records(&topic, 0, &["d"])).unwrap();
        assert_eq!(read_to(&mut source, 1, 2), ["x"]);
        assert_eq!(read_to(&mut source, 0, 6), ["d"]);
    });
}

#[test]
fn a_position_beyond_the_log_is_an_error_that_names_it() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        sink(connection).commit(&records(&topic, 0, &["a"])).unwrap();
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 9999).unwrap();
        let error = error_of(&mut source);
        assert!(
            matches!(
                error,
                SourceError::OutOfRange {
                    partition: 0,
                    offset: 9999,
                    ..
                }
            ),
            "{error}"
        );
    });
}

#[test]
fn a_partition_that_is_not_read_holds_nobody_up() {
    on_each_server(|connection| {
        let topic = topic(connection, 2);
        let mut sink = sink(connection);
        let kilobyte = "x".repeat(1024);
        for partition in [0, 1] {
            for _ in 0..4 {
                sink.commit(&records(&topic, partition, &vec![kilobyte.as_str(); 2000]))
                    .unwrap();
            }
        }
        // Each partition has eight times what may be read ahead.
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 0).unwrap();
        source.assign(1, 0).unwrap();
        assert_eq!(read_to(&mut source, 1, 8004).len(), 8000);
        assert_eq!(read_to(&mut source, 0, 8004).len(), 8000);
    });
}

#[test]
fn a_position_that_retention_has_passed_is_an_error() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        sink(connection)
            .commit(&records(&topic, 0, &["a", "b", "c"]))
            .unwrap();
        let mut cut = TopicPartitionList::new();
        cut.add_partition_offset(&topic, 0, Offset::Offset(2)).unwrap();
        block_on(admin(connection).delete_records(&cut, &AdminOptions::new())).unwrap();
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 1).unwrap();
        let error = error_of(&mut source);
        assert!(
            matches!(
                error,
                SourceError::OutOfRange {
                    partition: 0,
                    offset: 1,
                    ..
                }
            ),
            "{error}"
        );
    });
}

#[test]
fn a_topic_deleted_while_it_is_read_is_an_error_of_its_own() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        sink(connection).commit(&records(&topic, 0, &["a", "b"])).unwrap();
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 0).unwrap();
        assert_eq!(read_to(&mut source, 0, 3), ["a", "b"]);
        for result in block_on(admin(connection).delete_topics(&[&topic], &AdminOptions::new())).unwrap() {
            result.unwrap();
        }
        let error = error_of(&mut source);
        assert!(
            matches!(error, SourceError::TopicGone { partition: 0, .. }),
            "{error}"
        );
    });
}

#[test]
fn a_topic_made_anew_while_it_is_read_is_an_error() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        sink(connection).commit(&records(&topic, 0, &["a", "b"])).unwrap();
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 0).unwrap();
        assert_eq!(read_to(&mut source, 0, 3), ["a", "b"]);
        for result in block_on(admin(connection).delete_topics(&[&topic], &AdminOptions::new())).unwrap() {
            result.unwrap();
        }
        // Until then `make` would find the old one and make nothing.
        eventually("deleted", || match partitions(connection, &topic) {
            Err(TopicError::Missing(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        make(connection, &topic, 1, &[]);
        sink(connection).commit(&records(&topic, 0, &["other"])).unwrap();
        let error = error_of(&mut source);
        eprintln!("{error}");
        let expected = matches!(
            error,
            SourceError::OutOfRange { .. } | SourceError::TopicGone { .. }
        );
        assert!(expected, "{error}");
    });
}

#[test]
fn wrong_assignments_are_refused() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 0).unwrap();
        for (partition, offset) in [(0, 0), (1, -1), (-1, 0)] {
            let error = source.assign(partition, offset).unwrap_err();
            assert!(matches!(error, SourceError::Assignment { .. }), "{error}");
        }
        assert!(source.read(7, 1, |_| {}).is_err());
        assert_eq!(source.position(7), -1);
    });
}

#[test]
fn a_reader_that_panics_leaves_the_source_usable() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        sink(connection).commit(&records(&topic, 0, &["a", "b"])).unwrap();
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 0).unwrap();
        let source = Mutex::new(source);
        let panicked = std::panic::catch_unwind(|| {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            read_to_with(&mut source, |_| panic!("as a reader may"));
        });
        assert!(panicked.is_err());
        let mut source = source.into_inner().unwrap_or_else(PoisonError::into_inner);
        sink(connection).commit(&records(&topic, 0, &["c"])).unwrap();
        assert_eq!(read_to(&mut source, 0, 4).last().unwrap(), "c");
    });
}

#[test]
fn an_empty_transaction_is_no_error() {
    on_each_server(|connection| {
        sink(connection).commit(&Transaction::default()).unwrap();
    });
}

#[test]
fn who_reads_only_when_woken_misses_nothing() {
    const COMMITS: i64 = 400;
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let (wake, woken) = mpsc::channel();
        let wake = Mutex::new(wake);
        let options = SourceOptions {
            topic: topic.to_string(),
            group_id: unique("group"),
            queued_kbytes: 1024,
        };
        let wake = Arc::new(move || {
            // Nobody listens any more once the test is over.
            let _ = wake.lock().unwrap_or_else(PoisonError::into_inner).send(());
        });
        let mut source = Source::connect(connection, &options, wake).unwrap();
        source.assign(0, 0).unwrap();
        let committing = {
            let (connection, topic) = (connection.clone(), topic.clone());
            std::thread::spawn(move || {
                let mut sink = sink(&connection);
                for _ in 0..COMMITS {
                    sink.commit(&records(&topic, 0, &["a", "b", "c", "d"])).unwrap();
                }
            })
        };
        let mut seen = 0;
        // Each commit leaves four records and a marker; behind the last marker only the end event brings the position.
        while source.position(0) < COMMITS * 5 {
            if woken.recv_timeout(Duration::from_secs(60)).is_err() {
                panic!("no wake-up at {} after {seen} records", source.position(0));
            }
            // Fewer at a time than a commit has.
            while source.read(0, 3, |_| seen += 1).unwrap().maybe_more {}
        }
        assert_eq!(seen, COMMITS * 4);
        committing.join().unwrap();
    });
}

#[test]
fn a_partition_that_was_made_after_the_source_is_read() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let (mut source, _) = source(connection, &topic);
        source.assign(0, 0).unwrap();
        sink(connection).commit(&records(&topic, 0, &["a"])).unwrap();
        assert_eq!(read_to(&mut source, 0, 2), ["a"]);
        let more = [NewPartitions::new(&topic, 2)];
        for result in block_on(admin(connection).create_partitions(&more, &AdminOptions::new())).unwrap() {
            result.unwrap();
        }
        eventually("partitions", || match partitions(connection, &topic) {
            Ok(known) if known == [0, 1] => Ok(()),
            other => Err(format!("{other:?}")),
        });
        source.assign(1, 0).unwrap();
        sink(connection).commit(&records(&topic, 1, &["b"])).unwrap();
        assert_eq!(read_to(&mut source, 1, 2), ["b"]);
    });
}
