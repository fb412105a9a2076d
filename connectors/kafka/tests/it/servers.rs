//! The servers that the tests run against, and what the tests do to them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_broker::{Broker, Config};
use weir_kafka::{Connection, Outgoing, Sink, SinkOptions, TopicSpec, Transaction, ensure};

/// Runs the test once for each server there is.
pub(crate) fn on_each_server(test: impl Fn(&Connection)) {
    static SHARED: LazyLock<DevBroker> = LazyLock::new(DevBroker::start);
    eprintln!("on the development broker");
    test(&SHARED.connection());
    on_apache_kafka(test);
}

/// Runs the test on Apache Kafka alone: for what the development broker does not do.
pub(crate) fn on_apache_kafka(test: impl Fn(&Connection)) {
    match std::env::var("WEIR_TEST_KAFKA") {
        Ok(address) => {
            eprintln!("on Apache Kafka");
            test(&Connection::new(address));
        }
        Err(_) if std::env::var("WEIR_TEST_NO_SKIP").is_ok_and(|value| value == "1") => {
            panic!("WEIR_TEST_KAFKA is not set, and nothing may be skipped")
        }
        Err(_) => eprintln!("skipped: set WEIR_TEST_KAFKA to host:port of an Apache Kafka"),
    }
}

/// A development broker of its own, which a test may kill and start again at the same address.
pub(crate) struct DevBroker {
    address: SocketAddr,
    advertised: Option<(String, u16)>,
    folder: TempDir,
    running: Option<(Runtime, Broker)>,
}

impl DevBroker {
    pub(crate) fn start() -> Self {
        Self::advertising(None)
    }

    /// A broker that clients are to reach at another address.
    pub(crate) fn advertising(advertised: Option<SocketAddr>) -> Self {
        let advertised = advertised.map(|address| (address.ip().to_string(), address.port()));
        let address = ([127, 0, 0, 1], 0).into();
        let mut broker = Self {
            address,
            advertised,
            folder: tempfile::tempdir().unwrap(),
            running: None,
        };
        broker.start_again();
        broker
    }

    pub(crate) fn start_again(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let config = || Config {
            listen: self.address,
            data_dir: self.folder.path().to_path_buf(),
            advertised: self.advertised.clone(),
            group_initial_rebalance_delay: Duration::ZERO,
            ..Config::default()
        };
        // The one before may still be letting go of its port and folder.
        let broker = eventually("start of the broker", || {
            runtime
                .block_on(weir_broker::start(config()))
                .map_err(|error| error.to_string())
        });
        self.address = broker.address();
        self.running = Some((runtime, broker));
    }

    /// Stops it without a farewell: connections break, nothing is finished.
    pub(crate) fn kill(&mut self) {
        if let Some((runtime, broker)) = self.running.take() {
            drop(broker);
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connection(&self) -> Connection {
        Connection::new(self.address.to_string())
    }
}

impl Drop for DevBroker {
    fn drop(&mut self) {
        self.kill();
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
