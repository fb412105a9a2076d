//! A broker of one's own and librdkafka clients for it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_broker::{Broker, Config};

/// Long enough for a machine that has much else to do: a test waits that long only when it fails.
pub(crate) const WAIT: Duration = Duration::from_secs(60);

/// A broker on a free port, with a runtime and a folder of its own.
pub(crate) struct Own {
    broker: Option<Broker>,
    runtime: Runtime,
    pub(crate) folder: TempDir,
    change: fn(&mut Config),
    listen: SocketAddr,
}

impl Own {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: fn(&mut Config)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let mut own = Self {
            broker: None,
            runtime,
            folder: tempfile::tempdir().unwrap(),
            change,
            listen: ([127, 0, 0, 1], 0).into(),
        };
        own.begin();
        own
    }

    pub(crate) fn begin(&mut self) {
        let mut config = Config {
            listen: self.listen,
            data_dir: self.folder.path().into(),
            ..Config::default()
        };
        (self.change)(&mut config);
        let broker = self.runtime.block_on(weir_broker::start(config)).unwrap();
        self.listen = broker.address();
        self.broker = Some(broker);
    }

    /// Stops it gently and starts it again on the same folder and port.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.begin();
    }

    pub(crate) fn stop(&mut self) {
        self.runtime.block_on(self.broker.take().unwrap().stop());
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub(crate) fn address(&self) -> String {
        self.broker.as_ref().unwrap().address().to_string()
    }

    pub(crate) fn client(&self) -> ClientConfig {
        client(&self.address())
    }

    pub(crate) fn topic(&self, name: &str, partitions: i32) {
        topic(&self.address(), name, partitions, &[]);
    }
}

pub(crate) fn client(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", address)
        .set("allow.auto.create.topics", "false");
    // The broker of a test is away for milliseconds: do not wait for seconds before looking again.
    config
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "100");
    config
}

pub(crate) fn admin(address: &str) -> AdminClient<DefaultClientContext> {
    client(address).create().unwrap()
}

pub(crate) fn topic(address: &str, name: &str, partitions: i32, configs: &[(&str, &str)]) {
    let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in configs {
        new = new.set(key, value);
    }
    let created = wait_for(admin(address).create_topics([&new], &AdminOptions::new())).unwrap();
    created.into_iter().for_each(|result| drop(result.unwrap()));
}

pub(crate) type Sender = ThreadedProducer<DefaultProducerContext>;

pub(crate) fn producer(mut config: ClientConfig) -> Sender {
    // What is sent again after a lost connection is stored once.
    config
        .set("enable.idempotence", "true")
        .set("linger.ms", "1")
        .create()
        .unwrap()
}

/// Sends values `from..to` to one partition and waits until all are acknowledged.
pub(crate) fn send(producer: &Sender, topic: &str, partition: i32, values: std::ops::Range<usize>) {
    for n in values {
        let value = n.to_string();
        let record: BaseRecord<'_, str, str> = BaseRecord::to(topic)
            .partition(partition)
            .key("k")
            .payload(&value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WAIT).unwrap();
}

/// Values of a partition from an offset to its end, with their offsets.
pub(crate) fn read_from(
    mut config: ClientConfig,
    topic: &str,
    partition: i32,
    from: i64,
) -> Vec<(i64, String)> {
    config
        .set("enable.partition.eof", "true")
        .set("group.id", "reader")
        .set("enable.auto.commit", "false");
    config.set("auto.offset.reset", "error");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(from))
        .unwrap();
    consumer.assign(&list).unwrap();
    let deadline = Instant::now() + WAIT;
    let mut values = Vec::new();
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let value = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
                values.push((message.offset(), value));
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return values,
            Some(Err(error)) => panic!("{error}"),
            None => assert!(
                Instant::now() < deadline,
                "no end of partition after {} records",
                values.len()
            ),
        }
    }
}

pub(crate) fn values_of(config: ClientConfig, topic: &str, partition: i32) -> Vec<String> {
    read_from(config, topic, partition, 0)
        .into_iter()
        .map(|(_, value)| value)
        .collect()
}

pub(crate) fn numbers(values: std::ops::Range<usize>) -> Vec<String> {
    values.map(|n| n.to_string()).collect()
}

/// Waits for something to become true.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Bytes of all files below a folder whose name ends so. A file may be deleted while they are looked at.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => found.extend(files(&path, ending)),
            Ok(metadata) if path.to_string_lossy().ends_with(ending) => found.push((path, metadata.len())),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{}", path.display()),
        }
    }
    found.sort();
    found
}

/// Drives a future of the admin client, which brings its own thread.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}
