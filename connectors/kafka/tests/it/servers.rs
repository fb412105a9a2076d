//! The servers that the tests run against, and what the tests do to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use test_support::dev_broker::DevBroker;
use test_support::servers::{apache_kafka, on_each_broker};
use weir_kafka::{Connection, Outgoing, Sink, SinkOptions, TopicSpec, Transaction, ensure};

/// Runs the test on the development broker, then on Apache Kafka if there is one.
pub(crate) fn on_each_server(test: impl Fn(&Connection)) {
    on_each_broker(|address| test(&Connection::new(address)));
}

/// Runs the test on Apache Kafka alone: for what the development broker does not do.
pub(crate) fn on_apache_kafka(test: impl Fn(&Connection)) {
    if let Some(address) = apache_kafka() {
        test(&Connection::new(address));
    }
}

pub(crate) fn connection_to(broker: &DevBroker) -> Connection {
    Connection::new(broker.address().to_string())
}

/// A name nobody else has: tests share the servers and run in parallel.
pub(crate) fn unique(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_micros();
    format!(
        "{what}-{}-{now}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

pub(crate) fn topic(connection: &Connection, partitions: i32) -> Arc<str> {
    topic_with(connection, partitions, &[])
}

pub(crate) fn topic_with(
    connection: &Connection,
    partitions: i32,
    configs: &[(&'static str, &str)],
) -> Arc<str> {
    let name = unique("t");
    make(connection, &name, partitions, configs);
    Arc::from(name)
}

pub(crate) fn make(connection: &Connection, name: &str, partitions: i32, configs: &[(&'static str, &str)]) {
    let configs = configs
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    ensure(
        connection,
        &[TopicSpec {
            name: name.to_owned(),
            partitions,
            configs,
        }],
    )
    .unwrap();
}

pub(crate) fn sink(connection: &Connection) -> Sink {
    Sink::connect(connection, SinkOptions::new(unique("sink"), unique("group"))).unwrap()
}

pub(crate) fn record(topic: &Arc<str>, partition: i32, value: &str) -> Outgoing {
    Outgoing {
        topic: Arc::clone(topic),
        partition: Some(partition),
        key: Some(b"key".to_vec()),
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
    }
}

pub(crate) fn records(topic: &Arc<str>, partition: i32, values: &[&str]) -> Transaction {
    Transaction {
        records: values
            .iter()
            .map(|value| record(topic, partition, value))
            .collect(),
        offsets: Vec::new(),
    }
}

/// The committed values of a partition.
pub(crate) fn values(connection: &Connection, topic: &str, partition: i32) -> Vec<String> {
    let mut values = Vec::new();
    weir_kafka::read_range(connection, topic, partition, 0, |record| {
        values.push(String::from_utf8(record.value.unwrap()).unwrap());
    })
    .unwrap();
    values
}
