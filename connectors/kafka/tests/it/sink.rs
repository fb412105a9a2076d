use std::time::Instant;

use weir_kafka::{Sink, SinkError, SinkOptions, Transaction, read_range};

use crate::servers::{on_each_server, record, records, sink, topic, topic_with, unique};

#[test]
fn a_receipt_tells_where_the_records_of_each_partition_end() {
    on_each_server(|connection| {
        let topic = topic(connection, 2);
        let mut sink = sink(connection);
        let mut transaction = records(&topic, 0, &["a", "b"]);
        transaction.records.push(record(&topic, 1, "c"));
        transaction.offsets.push((topic.clone(), 0, 7));
        let receipt = sink.commit(&transaction).unwrap();
        assert_eq!(receipt.ends[&(topic.clone(), 0)], 2);
        assert_eq!(receipt.ends[&(topic.clone(), 1)], 1);
        let started = Instant::now();
        for _ in 0..20 {
            sink.commit(&transaction).unwrap();
        }
        eprintln!("{:?} a transaction", started.elapsed() / 20);
    });
}

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
        let mut seen = Vec::new();
        read_range(connection, &topic, 0, 0, |record| {
            seen.push(record.value.unwrap())
        })
        .unwrap();
        assert_eq!(seen, [b"a", b"b"]);
    });
}

#[test]
fn records_that_are_too_large_only_together_are_written() {
    on_each_server(|connection| {
        let topic = topic_with(connection, 1, &[("max.message.bytes", "10000")]);
        let mut sink = sink(connection);
        let big = "x".repeat(4_000);
        sink.commit(&records(&topic, 0, &[big.as_str(); 10])).unwrap();
        let mut seen = 0;
        read_range(connection, &topic, 0, 0, |_| seen += 1).unwrap();
        assert_eq!(seen, 10);
    });
}

#[test]
fn who_connects_with_the_same_id_fences_the_one_before() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let options = SinkOptions::new(unique("sink"), unique("group"));
        let mut first = Sink::connect(connection, options.clone()).unwrap();
        first.commit(&records(&topic, 0, &["a"])).unwrap();
        let mut second = Sink::connect(connection, options).unwrap();
        let error = first.commit(&records(&topic, 0, &["zombie"])).unwrap_err();
        assert!(matches!(error, SinkError::Fenced(_)), "{error}");
        second.commit(&records(&topic, 0, &["b"])).unwrap();
        let mut seen = Vec::new();
        read_range(connection, &topic, 0, 0, |record| {
            seen.push(record.value.unwrap())
        })
        .unwrap();
        assert_eq!(seen, [b"a", b"b"]);
    });
}

#[test]
fn offsets_alone_are_a_transaction() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let transaction = Transaction {
            records: Vec::new(),
            offsets: vec![(topic, 0, 5)],
        };
        sink(connection).commit(&transaction).unwrap();
    });
}
