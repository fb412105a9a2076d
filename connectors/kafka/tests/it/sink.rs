use std::time::{Duration, Instant};

use test_support::patience::eventually;
use weir_kafka::{Sink, SinkError, SinkOptions, Transaction, offsets};

use crate::servers::{on_each_server, record, records, sink, topic, unique, values};

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
fn who_connects_with_the_same_id_fences_the_one_before() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let options = SinkOptions::new(unique("sink"), unique("group"));
        let mut first = Sink::connect(connection, options.clone()).unwrap();
        first.commit(&records(&topic, 0, &["a"])).unwrap();
        let mut second = Sink::connect(connection, options).unwrap();
        let error = first.commit(&records(&topic, 0, &["zombie"])).unwrap_err();
        assert!(matches!(error, SinkError::Fenced(_)), "{error}");
        let again = first.commit(&records(&topic, 0, &["zombie"])).unwrap_err();
        assert!(matches!(again, SinkError::Fenced(_)), "{again}");
        second.commit(&records(&topic, 0, &["b"])).unwrap();
        assert_eq!(values(connection, &topic, 0), ["a", "b"]);
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

#[test]
fn many_records_in_one_transaction_arrive_in_order() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let many: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
        let refs: Vec<&str> = many.iter().map(String::as_str).collect();
        sink(connection).commit(&records(&topic, 0, &refs)).unwrap();
        assert_eq!(values(connection, &topic, 0), many);
    });
}

#[test]
fn a_transaction_that_the_broker_has_ended_fences_the_sink() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let options = SinkOptions {
            transaction_timeout: Duration::from_secs(2),
            ..SinkOptions::new(unique("sink"), unique("group"))
        };
        let mut sink = Sink::connect(connection, options).unwrap();
        let error = sink.commit_with(&records(&topic, 0, &["late"]), || {
            // The record and the marker of the abort.
            eventually("aborted", || match offsets(connection, &topic).unwrap()[&0] {
                (0, 2) => Ok(()),
                other => Err(format!("{other:?}")),
            });
        });
        let error = error.unwrap_err();
        assert!(matches!(error, SinkError::Fenced(_)), "{error:?}");
        assert!(values(connection, &topic, 0).is_empty());
    });
}

#[test]
fn a_time_out_beyond_the_brokers_limit_is_fatal() {
    on_each_server(|connection| {
        let options = SinkOptions {
            transaction_timeout: Duration::from_secs(24 * 60 * 60),
            ..SinkOptions::new(unique("sink"), unique("group"))
        };
        match Sink::connect(connection, options) {
            Err(SinkError::Fatal(_)) => {}
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("connected"),
        }
    });
}
