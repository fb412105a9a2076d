use weir_kafka::{Reject, SinkError, Transaction, dead_letter, read_last};

use crate::servers::{on_apache_kafka, on_each_server, record, records, sink, topic, topic_with, values};

#[test]
fn a_record_too_large_is_rejected_by_its_index_and_the_rest_can_be_committed() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 1, &[("max.message.bytes", "10000")]);
        let mut sink = sink(connection);
        let mut transaction = records(&topic, 0, &["a", &"x".repeat(20_000), "b"]);
        match sink.commit(&transaction) {
            Err(SinkError::Rejected {
                topic: named,
                index: 1,
                ..
            }) => assert_eq!(named, topic),
            other => panic!("{other:?}"),
        }
        transaction.records.remove(1);
        sink.commit(&transaction).unwrap();
        assert_eq!(values(connection, &topic, 0), ["a", "b"]);
    });
}

#[test]
fn a_record_too_large_alone_is_rejected() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 1, &[("max.message.bytes", "10000")]);
        let mut sink = sink(connection);
        let error = sink
            .commit(&records(&topic, 0, &[&"x".repeat(20_000)]))
            .unwrap_err();
        assert!(matches!(error, SinkError::Rejected { index: 0, .. }), "{error}");
        sink.commit(&records(&topic, 0, &["a"])).unwrap();
        assert_eq!(values(connection, &topic, 0), ["a"]);
    });
}

#[test]
fn records_that_are_too_large_only_together_are_written() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 1, &[("max.message.bytes", "10000")]);
        let mut sink = sink(connection);
        let big = "x".repeat(4_000);
        sink.commit(&records(&topic, 0, &[big.as_str(); 10])).unwrap();
        assert_eq!(values(connection, &topic, 0).len(), 10);
    });
}

#[test]
fn a_record_without_key_is_rejected_by_a_compacted_topic() {
    on_apache_kafka(|connection| {
        let topic = topic_with(connection, 1, &[("cleanup.policy", "compact")]);
        let mut sink = sink(connection);
        let mut transaction = records(&topic, 0, &["a", "b", "c"]);
        transaction.records[2].key = None;
        let error = sink.commit(&transaction).unwrap_err();
        assert!(matches!(error, SinkError::Rejected { index: 2, .. }), "{error}");
        transaction.records.pop();
        sink.commit(&transaction).unwrap();
        assert_eq!(values(connection, &topic, 0), ["a", "b"]);
    });
}

#[test]
fn a_dead_letter_cut_to_the_limit_is_taken_and_says_what_it_was() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 1, &[("max.message.bytes", "5000")]);
        let reject = |key: usize, value: usize| Reject {
            partition: 2,
            offset: 77,
            timestamp: Some(1_700_000_000_000),
            key: Some(vec![b'k'; key]),
            value: Some(vec![b'v'; value]),
            error: "e".repeat(10_000),
        };
        for (key, value) in [(5, 5_000), (5, 1_000_000), (100_000, 5)] {
            let letter = dead_letter(&topic, "orders", reject(key, value), 5_000);
            sink(connection)
                .commit(&Transaction {
                    records: vec![letter],
                    offsets: Vec::new(),
                })
                .unwrap();
            let record = read_last(connection, &topic, 0, |_| true).unwrap().unwrap();
            let header = |name: &str| {
                let found = record.headers.iter().find(|(header, _)| header == name);
                found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
            };
            assert_eq!(header("truncated"), Some((key + value).to_string()));
            assert_eq!(header("source_offset").as_deref(), Some("77"));
        }
    });
}

#[test]
fn a_partition_that_does_not_exist_is_no_lasting_harm() {
    on_each_server(|connection| {
        let there = topic(connection, 1);
        let mut sink = sink(connection);
        let mut transaction = records(&there, 0, &["a"]);
        transaction.records.push(record(&there, 9, "b"));
        let error = sink.commit(&transaction).unwrap_err();
        assert!(matches!(error, SinkError::Unavailable(_)), "{error}");
        transaction.records.pop();
        sink.commit(&transaction).unwrap();
        assert_eq!(values(connection, &there, 0), ["a"]);
    });
}

#[test]
fn thousands_of_records_that_are_too_large_only_together_are_written_in_order() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 1, &[("max.message.bytes", "10000")]);
        let many: Vec<String> = (0..5_000).map(|n| format!("{n:0100}")).collect();
        let refs: Vec<&str> = many.iter().map(String::as_str).collect();
        sink(connection).commit(&records(&topic, 0, &refs)).unwrap();
        assert_eq!(values(connection, &topic, 0), many);
    });
}

#[test]
fn a_record_too_large_is_found_among_thousands() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 1, &[("max.message.bytes", "10000")]);
        let large = "x".repeat(20_000);
        let mut refs = vec!["a"; 3_000];
        refs[2_222] = &large;
        let error = sink(connection).commit(&records(&topic, 0, &refs)).unwrap_err();
        assert!(
            matches!(error, SinkError::Rejected { index: 2_222, .. }),
            "{error}"
        );
    });
}
