use std::collections::BTreeMap;
use std::time::Instant;

use weir_kafka::{OwnedRecord, TailError, TopicError, read_last, read_range, records_at};

use crate::servers::{on_each_server, records, sink, topic, unique};

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

#[test]
fn the_records_at_known_places_of_many_partitions_come_at_once() {
    on_each_server(|connection| {
        let topic = topic(connection, 5);
        let mut sink = sink(connection);
        for partition in 0..4 {
            sink.commit(&records(&topic, partition, &["a", "b", "c"]))
                .unwrap();
        }
        // The first, the last, a marker, beyond the end, an empty partition, one that does not exist.
        let asked = BTreeMap::from([(0, 0), (1, 2), (2, 3), (3, 4), (4, 0), (9, 0)]);
        let found = records_at(connection, &topic, &asked).unwrap();
        let told: BTreeMap<i32, Option<String>> = found
            .into_iter()
            .map(|(partition, record)| {
                let text = |record: OwnedRecord| {
                    let value = String::from_utf8(record.value.unwrap()).unwrap();
                    format!("{value} at {}", record.offset)
                };
                (partition, record.map(text))
            })
            .collect();
        let text = |text: &str| Some(text.to_owned());
        let expected = [
            (0, text("a at 0")),
            (1, text("c at 2")),
            (2, None),
            (3, None),
            (4, None),
            (9, None),
        ];
        assert_eq!(told, BTreeMap::from(expected));
    });
}

#[test]
fn records_of_a_topic_that_does_not_exist_are_an_error_and_none_asked_for_is_none() {
    on_each_server(|connection| {
        let nobody = unique("nobody");
        assert_eq!(
            records_at(connection, &nobody, &BTreeMap::from([(0, 0)])),
            Err(TailError::Topic(TopicError::Missing(nobody.clone())))
        );
        assert_eq!(
            records_at(connection, &nobody, &BTreeMap::new()),
            Ok(BTreeMap::new())
        );
    });
}
