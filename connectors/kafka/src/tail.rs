//! What a topic holds already, committed records only: its newest record, or all from a position on.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::client::{self, LetGo};
use crate::connection::{Connection, ConnectionError};
use crate::context::Context;
use crate::listing;
use crate::patience::{Attempt, PATIENCE, REQUEST, until_answered};
use crate::topics::{self, TopicError};

/// A record with its own copies of key, value and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRecord {
    /// The partition it lies in.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
    /// Kafka's own timestamp, milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order; a header without a value has an empty one.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// The topic could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TailError {
    /// The settings of the connection are wrong.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The topic could not be asked for its partitions or offsets.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The position asked for lies before the first record (retention) or beyond the end (made anew).
    #[error("topic `{topic}`, partition {partition}: offset {offset} is not in the log")]
    OutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The position asked for.
        offset: i64,
    },
    /// The broker gave nothing for half a minute; may be tried again from the start.
    #[error("topic `{topic}`, partition {partition} gave nothing for {waited_s} s: {reason}")]
    Unavailable {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Seconds waited.
        waited_s: u64,
        /// What is known of the cause.
        reason: String,
    },
    /// The broker refuses, or what it sent cannot be read.
    #[error("topic `{topic}`, partition {partition}: {reason}")]
    Refused {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// librdkafka's words.
        reason: String,
    },
}

/// The group of what only looks; see [`client::reader`].
pub(crate) const GROUP: &str = "weir-tail";
/// Offsets looked at first from the end; each step back looks at four times as many.
const FIRST_STEP: i64 = 16;

/// The newest committed record of a partition that `accept` takes. Looks back from the end in growing steps, so what
/// lies long ago is not read unless it must be.
///
/// # Errors
/// See [`TailError`].
pub fn read_last(
    connection: &Connection,
    topic: &str,
    partition: i32,
    accept: impl Fn(&OwnedRecord) -> bool,
) -> Result<Option<OwnedRecord>, TailError> {
    let tail = Tail::open(connection, topic, partition)?;
    'again: loop {
        let (first, end) = tail.bounds()?;
        let mut upper = end;
        let mut step = FIRST_STEP;
        while upper > first {
            let lower = upper.saturating_sub(step).max(first);
            let mut newest = None;
            let read = tail.read(lower, upper, |message| {
                let record = owned(message);
                if accept(&record) {
                    newest = Some(record);
                }
            });
            match read {
                Ok(()) => {}
                // The log was cut meanwhile: what was there is gone, look at what there is now.
                Err(TailError::OutOfRange { .. }) => continue 'again,
                Err(other) => return Err(other),
            }
            if newest.is_some() {
                return Ok(newest);
            }
            upper = lower;
            step = step.saturating_mul(4);
        }
        return Ok(None);
    }
}

/// Gives every committed record of a partition from `from` to the end as it is now, in order, and returns the position
/// behind it (transaction markers and aborted records included). An open transaction ends it.
///
/// # Errors
/// See [`TailError`]; records given before an error were given.
pub fn read_range(
    connection: &Connection,
    topic: &str,
    partition: i32,
    from: i64,
    mut each: impl FnMut(OwnedRecord),
) -> Result<i64, TailError> {
    let tail = Tail::open(connection, topic, partition)?;
    let (first, end) = tail.bounds()?;
    if from < first || from > end {
        return Err(TailError::OutOfRange {
            topic: topic.to_owned(),
            partition,
            offset: from,
        });
    }
    tail.read(from, end, |message| each(owned(message)))?;
    Ok(end)
}

/// A reader of one partition.
struct Tail<'a> {
    consumer: LetGo<BaseConsumer<Context>>,
    topic: &'a str,
    partition: i32,
}

impl<'a> Tail<'a> {
    fn open(connection: &Connection, topic: &'a str, partition: i32) -> Result<Self, TailError> {
        let defaults = [
            // The end of the partition is told after one fetch that found nothing.
            ("fetch.wait.max.ms", "10"),
            ("fetch.queue.backoff.ms", "1"),
        ];
        Ok(Self {
            consumer: client::reader(connection, "tail", GROUP, &defaults)?,
            topic,
            partition,
        })
    }

    /// The first offset and the last stable one.
    fn bounds(&self) -> Result<(i64, i64), TailError> {
        let ask = |which| {
            let found = listing::list(&self.consumer, self.topic, &[self.partition], which, REQUEST);
            found.map(|offsets| offsets.get(&self.partition).copied())
        };
        let both = || {
            if !topics::known_leaders(&self.consumer, self.topic)?.contains_key(&self.partition) {
                return Err(TopicError::Missing(format!("{}/{}", self.topic, self.partition)).into());
            }
            Ok(match (ask(Offset::Beginning), ask(Offset::End)) {
                (Ok(Some(first)), Ok(Some(end))) => Attempt::Answer((first, end)),
                (Err(error), _) | (_, Err(error)) => Attempt::Again(error.to_string()),
                _ => Attempt::Again("the partition did not answer".to_owned()),
            })
        };
        until_answered(both, |reason| self.unavailable(reason))
    }

    /// Gives the committed records of `from..to`, where `to` is at most the last stable offset.
    fn read(&self, from: i64, to: i64, mut each: impl FnMut(&BorrowedMessage<'_>)) -> Result<(), TailError> {
        if from >= to {
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(1);
        let assigned = list
            .add_partition_offset(self.topic, self.partition, Offset::Offset(from))
            .and_then(|()| self.consumer.assign(&list));
        assigned.map_err(|error| self.refused(error.to_string()))?;
        let mut deadline = Instant::now() + PATIENCE;
        loop {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    deadline = Instant::now() + PATIENCE;
                    if message.offset() < to {
                        each(&message);
                    }
                    if message.offset() >= to - 1 {
                        return Ok(());
                    }
                }
                // The end lies at `to` or behind it: all of the range has come.
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
                Some(Err(error)) => match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                        let (topic, partition) = (self.topic.to_owned(), self.partition);
                        return Err(TailError::OutOfRange {
                            topic,
                            partition,
                            offset: from,
                        });
                    }
                    Some(code) if passes(code) => {}
                    _ => return Err(self.refused(error.to_string())),
                },
                None if Instant::now() >= deadline => {
                    let last = self.consumer.context().last_error();
                    return Err(self.unavailable(last.unwrap_or_else(|| "no answer".to_owned())));
                }
                None => {}
            }
        }
    }

    fn refused(&self, reason: String) -> TailError {
        TailError::Refused {
            topic: self.topic.to_owned(),
            partition: self.partition,
            reason,
        }
    }

    fn unavailable(&self, reason: String) -> TailError {
        let (topic, partition) = (self.topic.to_owned(), self.partition);
        TailError::Unavailable {
            topic,
            partition,
            waited_s: PATIENCE.as_secs(),
            reason,
        }
    }
}

/// Errors that librdkafka gets over by itself, or that do not matter to one who joins no group.
pub(crate) fn passes(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::CoordinatorNotAvailable
            | Code::GroupAuthorizationFailed
            | Code::KafkaStorageError
    )
}

pub(crate) fn owned(message: &BorrowedMessage<'_>) -> OwnedRecord {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
            .collect()
    });
    OwnedRecord {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}
