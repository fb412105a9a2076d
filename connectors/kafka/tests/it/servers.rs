//! The servers that the tests run against, and what the tests do to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use weir_kafka::{Connection, Outgoing, Sink, SinkOptions, TopicSpec, Transaction, ensure};

/// Runs the test once for each server there is.
pub(crate) fn on_each_server(test: impl Fn(&Connection)) {
    match std::env::var("WEIR_TEST_KAFKA") {
        Ok(address) => test(&Connection::new(address)),
        Err(_) if std::env::var("WEIR_TEST_NO_SKIP").is_ok_and(|value| value == "1") => {
            panic!("WEIR_TEST_KAFKA is not set, and nothing may be skipped")
        }
        Err(_) => eprintln!("skipped: set WEIR_TEST_KAFKA to host:port of an Apache Kafka"),
    }
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
    let configs = configs
        .iter()
        .map(|(key, value)| (*key, (*value).to_owned()))
        .collect();
    ensure(
        connection,
        &[TopicSpec {
            name: name.clone(),
            partitions,
            configs,
        }],
    )
    .unwrap();
    Arc::from(name)
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

/// Tries until the answer comes; panics with what was seen after half a minute.
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(seen) if Instant::now() >= deadline => panic!("{what}: {seen}"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
