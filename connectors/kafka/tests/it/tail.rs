use std::time::Instant;

use weir_kafka::{TailError, read_last, read_range};

use crate::servers::{on_each_server, records, sink, topic};

#[test]
fn the_newest_accepted_record_is_found_behind_markers_and_refused_ones() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let mut sink = sink(connection);
        sink.commit(&records(&topic, 0, &["wanted-1", "wanted-2"]))
            .unwrap();
        for _ in 0..40 {
            sink.commit(&records(&topic, 0, &["other", "other"])).unwrap();
        }
        let started = Instant::now();
        let wanted = |value: &[u8]| value.starts_with(b"wanted");
        let found = read_last(connection, &topic, 0, |r| wanted(r.value.as_deref().unwrap())).unwrap();
        eprintln!("read_last {:?}", started.elapsed());
        assert_eq!(found.unwrap().value.unwrap(), b"wanted-2");
        assert_eq!(read_last(connection, &topic, 0, |_| false).unwrap(), None);
    });
}

#[test]
fn a_range_ends_at_the_end_with_its_markers() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        sink(connection).commit(&records(&topic, 0, &["a", "b"])).unwrap();
        let mut seen = Vec::new();
        let end = read_range(connection, &topic, 0, 1, |record| {
            seen.push(record.value.unwrap())
        })
        .unwrap();
        assert_eq!((end, seen), (3, vec![b"b".to_vec()]));
        assert_eq!(read_range(connection, &topic, 0, 3, |_| {}).unwrap(), 3);
        let error = read_range(connection, &topic, 0, 4, |_| {}).unwrap_err();
        assert!(
            matches!(error, TailError::OutOfRange { offset: 4, .. }),
            "{error}"
        );
    });
}

#[test]
fn an_empty_topic_has_no_last_record() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        assert_eq!(read_last(connection, &topic, 0, |_| true).unwrap(), None);
        assert_eq!(read_range(connection, &topic, 0, 0, |_| {}).unwrap(), 0);
    });
}
