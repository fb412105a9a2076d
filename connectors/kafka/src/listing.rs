//! What a topic has: its partitions with their leaders, and the offsets of many partitions in one request.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use crate::connection::{Connection, ConnectionError};
use crate::context::Context;
use crate::queue::events_waiting;

/// A client without a group: it asks, and sees open transactions as written.
pub(crate) fn asker(
    connection: &Connection,
    purpose: &'static str,
) -> Result<BaseConsumer<Context>, ConnectionError> {
    let mut config = connection.config(&[])?;
    config
        .set("allow.auto.create.topics", "false")
        .set("isolation.level", "read_uncommitted");
    config
        .create_with_context(Context::new(purpose))
        .map_err(ConnectionError::from_kafka)
}

/// Lets go of a client without waiting for it: closing one takes up to a tenth of a second.
pub(crate) struct LetGo<T: Send + 'static>(Option<T>);

impl<T: Send> LetGo<T> {
    pub(crate) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send> Deref for LetGo<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("the client is taken in drop only")
    }
}

impl<T: Send> Drop for LetGo<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        // Without a thread the client goes with the closure, here and now.
        let _ = std::thread::Builder::new()
            .name("kafka-close".into())
            .spawn(move || drop(client));
    }
}

/// Serves what librdkafka has to say about its connection, without waiting; true if there is more. Bounded, so that a
/// storm of log lines holds nobody up.
pub(crate) fn serve(consumer: &BaseConsumer<Context>) -> bool {
    let waiting = events_waiting(consumer);
    for _ in 0..waiting.min(64) {
        // The context handles the event; what `poll` returns does not tell whether there was one.
        let _ = consumer.poll(Duration::ZERO);
    }
    waiting > 64
}

/// The leader of each partition of a topic; `None` where there is none at the moment.
///
/// The outer error is a broker that does not answer; the inner one its answer about the topic.
pub(crate) fn leaders(
    client: &Client<Context>,
    topic: &str,
    timeout: Duration,
) -> Result<Result<BTreeMap<i32, Option<i32>>, RDKafkaErrorCode>, KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), timeout)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Ok(Err(RDKafkaErrorCode::UnknownTopicOrPartition));
    };
    if let Some(error) = found.error() {
        return Ok(Err(error.into()));
    }
    let leader = |error: Option<RDKafkaRespErr>, id: i32| {
        let fine = matches!(
            error,
            None | Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE)
        );
        (fine && id >= 0).then_some(id)
    };
    let partitions = found.partitions().iter();
    Ok(Ok(partitions
        .map(|found| (found.id(), leader(found.error(), found.leader())))
        .collect()))
}

/// The beginning or the end (by the client's isolation) of the partitions, in one request for each leader; what was
/// not answered is left out.
pub(crate) fn list(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partitions: &[i32],
    which: Offset,
    timeout: Duration,
) -> Result<BTreeMap<i32, i64>, KafkaError> {
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for &partition in partitions {
        // In a ListOffsets request the two ends of a log are the times -1 and -2, librdkafka's values of
        // `Offset::End` and `Offset::Beginning`.
        asked.add_partition_offset(topic, partition, which)?;
    }
    let answered = consumer.offsets_for_times(asked, timeout)?;
    let mut offsets = BTreeMap::new();
    for element in answered.elements() {
        if element.error().is_ok()
            && let Offset::Offset(offset) = element.offset()
        {
            offsets.insert(element.partition(), offset);
        }
    }
    Ok(offsets)
}
