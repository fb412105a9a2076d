//! The plain Kafka client of the proof: nothing here comes from the connectors under test.

mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use test_support::patience::until;

pub use watch::Watch;

/// A record as a read_committed consumer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Partition of the topic it was read from.
    pub partition: i32,
    /// Offset there.
    pub offset: i64,
    /// CreateTime in milliseconds since 1970; -1 where the record has none.
    pub timestamp: i64,
    /// Key, `None` when null.
    pub key: Option<Vec<u8>>,
    /// Value, `None` when null.
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    /// The header of this name as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

/// How long any single request to the broker may take.
const REQUEST: Duration = Duration::from_secs(20);
/// How long reading a topic to its end may take.
const READING: Duration = Duration::from_secs(120);

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("log_level", "2");
    config
}

fn consumer(bootstrap: &str) -> Result<BaseConsumer> {
    isolated(bootstrap, "read_committed")
}

fn isolated(bootstrap: &str, level: &str) -> Result<BaseConsumer> {
    Ok(config(bootstrap)
        .set("group.id", "proof")
        .set("isolation.level", level)
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("fetch.queue.backoff.ms", "1")
        .create()?)
}

/// Partitions of a topic; none when it does not exist.
///
/// # Errors
/// When the broker does not answer.
pub fn partitions(bootstrap: &str, topic: &str) -> Result<Vec<i32>> {
    partitions_of(&consumer(bootstrap)?, topic)
}

fn partitions_of(consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>> {
    // A topic that is not asked for by name is not created by being asked for.
    let metadata = consumer.fetch_metadata(None, REQUEST)?;
    let found = metadata
        .topics()
        .iter()
        .find(|found| found.name() == topic && found.error().is_none());
    Ok(found
        .map(|found| {
            found
                .partitions()
                .iter()
                .map(|partition| partition.id())
                .collect()
        })
        .unwrap_or_default())
}

/// First offset of every partition, and its end as a read_committed consumer sees it (the last stable offset).
///
/// # Errors
/// When the broker does not answer.
pub fn ends(bootstrap: &str, topic: &str) -> Result<BTreeMap<i32, (i64, i64)>> {
    ends_seen_by(&consumer(bootstrap)?, topic)
}

fn ends_seen_by(consumer: &BaseConsumer, topic: &str) -> Result<BTreeMap<i32, (i64, i64)>> {
    let mut ends = BTreeMap::new();
    for partition in partitions_of(consumer, topic)? {
        ends.insert(partition, consumer.fetch_watermarks(topic, partition, REQUEST)?);
    }
    Ok(ends)
}

/// Waits until all that is written to these topics is committed or aborted. Apache Kafka answers a commit once its
/// coordinator has noted it; that the partitions know of it, and read_committed consumers with them, comes a moment later.
///
/// # Errors
/// When the broker does not answer, or a transaction stays open.
pub fn await_decided(bootstrap: &str, topics: &[&str]) -> Result<()> {
    let (all, committed) = (isolated(bootstrap, "read_uncommitted")?, consumer(bootstrap)?);
    for topic in topics {
        until(&format!("the open transactions of {topic}"), REQUEST, || {
            let written = ends_seen_by(&all, topic)?;
            Ok((ends_seen_by(&committed, topic)? == written).then_some(()))
        })?;
    }
    Ok(())
}

/// All committed records of a topic, in the order of offsets within each partition; none when it does not exist.
///
/// # Errors
/// When the broker cannot be read from within two minutes.
pub fn read_all(bootstrap: &str, topic: &str) -> Result<Vec<Record>> {
    let consumer = consumer(bootstrap)?;
    let mut assignment = TopicPartitionList::new();
    let mut unread = BTreeSet::new();
    for partition in partitions_of(&consumer, topic)? {
        let (first, end) = consumer.fetch_watermarks(topic, partition, REQUEST)?;
        if first < end {
            assignment.add_partition_offset(topic, partition, Offset::Offset(first))?;
            unread.insert(partition);
        }
    }
    consumer.assign(&assignment)?;
    let mut records = Vec::new();
    let deadline = Instant::now() + READING;
    while !unread.is_empty() {
        ensure!(
            Instant::now() < deadline,
            "topic {topic}: partitions {unread:?} not read to their ends, {} records",
            records.len()
        );
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => records.push(owned(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                unread.remove(&partition);
            }
            Some(Err(error)) if passing(&error) => {}
            Some(Err(error)) => bail!("reading {topic}: {error}"),
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    Ok(records)
}

fn passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
        )
    )
}

fn owned(message: &impl Message) -> Record {
    let headers = message.headers().map(|headers| {
        headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
            .collect()
    });
    Record {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}

/// Asks a broker to change something.
pub struct Admin(AdminClient<DefaultClientContext>);

impl Admin {
    /// A client for the broker at `bootstrap`; it connects when it is asked for something.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(bootstrap: &str) -> Result<Admin> {
        Ok(Admin(config(bootstrap).create()?))
    }

    /// Creates a topic that keeps its records for ever, however old their timestamps.
    ///
    /// # Errors
    /// When the broker refuses, also when the topic exists.
    pub fn create(&self, topic: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<()> {
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        for (key, value) in configs {
            new = new.set(key, value);
        }
        let answers = crate::block_on(self.0.create_topics([&new], &options()))?;
        for answer in answers {
            answer.map_err(|(topic, code)| anyhow::anyhow!("creating {topic}: {code}"))?;
        }
        Ok(())
    }

    /// Deletes a topic and waits until the broker no longer lists it.
    ///
    /// # Errors
    /// When the broker refuses or the topic does not go.
    pub fn delete(&self, topic: &str) -> Result<()> {
        for answer in crate::block_on(self.0.delete_topics(&[topic], &options()))? {
            answer.map_err(|(topic, code)| anyhow::anyhow!("deleting {topic}: {code}"))?;
        }
        let deadline = Instant::now() + REQUEST;
        loop {
            let metadata = self.0.inner().fetch_metadata(None, REQUEST)?;
            if metadata.topics().iter().all(|found| found.name() != topic) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "topic {topic} is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Raises the number of partitions.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn add_partitions(&self, topic: &str, total: usize) -> Result<()> {
        for answer in crate::block_on(
            self.0
                .create_partitions(&[NewPartitions::new(topic, total)], &options()),
        )? {
            answer.map_err(|(topic, code)| anyhow::anyhow!("adding partitions to {topic}: {code}"))?;
        }
        Ok(())
    }

    /// Deletes the records before `offset`, as retention would.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn delete_before(&self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        let answer = crate::block_on(self.0.delete_records(&offsets, &options()))?;
        for element in answer.elements() {
            element
                .error()
                .with_context(|| format!("deleting records of {topic}/{partition} before {offset}"))?;
        }
        Ok(())
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(REQUEST))
        .operation_timeout(Some(REQUEST))
}
