use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use weir_kafka::{Connection, Source, SourceError, SourceOptions, Transaction};

use crate::servers::{eventually, on_each_server, record, records, sink, topic, unique};

fn source(connection: &Connection, topic: &str) -> (Source, Arc<AtomicUsize>) {
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
fn read_to(source: &mut Source, partition: i32, position: i64) -> Vec<String> {
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
        let error = eventually("error", || match source.read(0, 10, |_| {}) {
            Ok(read) => Err(format!("{read:?}")),
            Err(error) => Ok(error),
        });
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
fn an_empty_transaction_is_no_error() {
    on_each_server(|connection| {
        sink(connection).commit(&Transaction::default()).unwrap();
    });
}
