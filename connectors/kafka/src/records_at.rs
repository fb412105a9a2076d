//! Single records at known places, many partitions at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::client;
use crate::connection::Connection;
use crate::context::Context;
use crate::patience::PATIENCE;
use crate::tail::{GROUP, OwnedRecord, TailError, owned, passes};
use crate::topics;

/// The committed record at each of these offsets, by partition. `None` where there is none: cut off by retention or
/// compaction, a transaction marker, of an aborted or open transaction, beyond the end, or no such partition. One client
/// asks for all.
///
/// # Errors
/// See [`TailError`]; waits half a minute for the next answer.
pub fn records_at(
    connection: &Connection,
    topic: &str,
    offsets: &BTreeMap<i32, i64>,
) -> Result<BTreeMap<i32, Option<OwnedRecord>>, TailError> {
    if offsets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let defaults = [
        // The end of a partition is told after one fetch that found nothing, and little more than the record is read.
        ("fetch.wait.max.ms", "10"),
        ("fetch.message.max.bytes", "65536"),
        ("queued.min.messages", "1"),
    ];
    let reader = client::reader(connection, "records", GROUP, &defaults)?;
    let mut found: BTreeMap<_, _> = offsets.keys().map(|&partition| (partition, None)).collect();
    loop {
        // The ends are the last stable offsets: an open transaction lies beyond.
        let bounds = topics::bounds(&reader, topic)?;
        let wanted: BTreeMap<i32, i64> = offsets
            .iter()
            .filter(|(partition, offset)| {
                let within = |(first, end): &(i64, i64)| (first..end).contains(offset);
                bounds.get(partition).is_some_and(within)
            })
            .map(|(&partition, &offset)| (partition, offset))
            .collect();
        if read(&reader, topic, wanted, &mut found)? == Outcome::Complete {
            return Ok(found);
        }
    }
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Complete,
    /// A log was cut after its bounds were asked.
    Cut,
}

/// Reads on in each partition until its record, or what stands in its place, has come.
fn read(
    reader: &BaseConsumer<Context>,
    topic: &str,
    mut wanted: BTreeMap<i32, i64>,
    found: &mut BTreeMap<i32, Option<OwnedRecord>>,
) -> Result<Outcome, TailError> {
    let refused = |partition: i32, reason: String| TailError::Refused {
        topic: topic.to_owned(),
        partition,
        reason,
    };
    let mut list = TopicPartitionList::with_capacity(wanted.len());
    let assigned = wanted
        .iter()
        .try_for_each(|(&partition, &offset)| {
            list.add_partition_offset(topic, partition, Offset::Offset(offset))
        })
        .and_then(|()| reader.assign(&list));
    let first = wanted.keys().next().copied().unwrap_or_default();
    assigned.map_err(|error| refused(first, error.to_string()))?;
    let mut deadline = Instant::now() + PATIENCE;
    while let Some((&waits, _)) = wanted.first_key_value() {
        match reader.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                // Later records of a partition that has answered may still come.
                if let Some(offset) = wanted.remove(&message.partition()) {
                    deadline = Instant::now() + PATIENCE;
                    let record = (message.offset() == offset).then(|| owned(&message));
                    found.insert(message.partition(), record);
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                wanted.remove(&partition);
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                    return Ok(Outcome::Cut);
                }
                Some(code) if passes(code) => {}
                _ => return Err(refused(waits, error.to_string())),
            },
            None if Instant::now() >= deadline => {
                let last = reader.context().last_error();
                return Err(TailError::Unavailable {
                    topic: topic.to_owned(),
                    partition: waits,
                    waited_s: PATIENCE.as_secs(),
                    reason: last.unwrap_or_else(|| "no answer".to_owned()),
                });
            }
            None => {}
        }
    }
    Ok(Outcome::Complete)
}
