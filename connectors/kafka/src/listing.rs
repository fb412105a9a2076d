//! What a topic has: its partitions with their leaders, and the offsets of many partitions in one request.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use crate::context::Context;

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
