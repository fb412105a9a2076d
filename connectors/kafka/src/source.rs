//! The orders of some partitions, as they come, for a thread that must never wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::client;
use crate::connection::{Connection, ConnectionError};
use crate::context::Context;
use crate::listing;
use crate::queue::{Item, PartitionQueue, Wake};

/// What a [`Source`] reads and how far it reads ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// The topic.
    pub topic: String,
    /// The consumer group. It is never joined: partitions are assigned by hand. Brokers check the right to it.
    pub group_id: String,
    /// Read-ahead of each partition in KiB; at most one fetch more than this lies in memory. A partition that is
    /// not read keeps this much and no more, and holds nobody else up.
    pub queued_kbytes: u32,
}

/// A record as it lies in librdkafka's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place in the partition.
    pub offset: i64,
    /// Kafka's own timestamp in milliseconds since 1970; `None` in logs older than Kafka 0.10.
    pub timestamp: Option<i64>,
    /// The key, if it has one.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

/// What one call of [`Source::read`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Records handed over.
    pub records: usize,
    /// More lies in the queue already: read again soon, there will be no wake-up for it.
    pub maybe_more: bool,
}

/// Reading cannot go on. What was handed over before the error counts; [`Source::position`] says how far that is.
/// A broker that is away is no error: the source waits for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The settings are wrong; nothing was sent.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The broker does not have the position: the log was cut before it, ends before it, or the topic was made
    /// anew. Reading on elsewhere would lose or double orders; decide by the progress record.
    #[error("partition {partition}: offset {offset} is not in the log: {reason}")]
    OutOfRange {
        /// The partition.
        partition: i32,
        /// The position that was asked for.
        offset: i64,
        /// The broker's words.
        reason: String,
    },
    /// The topic or the partition does not exist any more, for ten seconds or longer.
    #[error("partition {partition} of topic `{topic}` does not exist: {reason}")]
    TopicGone {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The broker's words.
        reason: String,
    },
    /// The broker refuses the partition, or what it sent cannot be read (a damaged batch). Reading on would leave
    /// a gap; correct the cause and start again.
    #[error("partition {partition} cannot be read at offset {offset}: {reason}")]
    Refused {
        /// The partition.
        partition: i32,
        /// Where.
        offset: i64,
        /// librdkafka's words.
        reason: String,
    },
    /// The partition was not given to this source by [`Source::assign`], or twice.
    #[error("partition {partition} {fault}")]
    Assignment {
        /// The partition.
        partition: i32,
        /// What is wrong with it.
        fault: String,
    },
}

/// Reads the partitions it is given, each from its own queue, and never blocks.
///
/// Only committed records are seen. `wake` is called by librdkafka's threads when a partition that had nothing has
/// something (records, its end, or an error); it must be quick, must not call the source, and may come when nothing
/// is there. Between wake-ups the source needs no attention and uses no processor time to speak of.
pub struct Source {
    partitions: BTreeMap<i32, Partition>,
    consumer: Arc<BaseConsumer<Context>>,
    /// Something lies in the common queue: errors of the connection, log lines.
    events: Arc<AtomicBool>,
    /// A thread asks the broker whether it is there, and the topic.
    watched: Arc<AtomicBool>,
    /// The broker said that the topic does not exist.
    gone: Arc<AtomicBool>,
    wake: Wake,
    topic: String,
}

struct Partition {
    queue: PartitionQueue,
    position: i64,
}

impl Source {
    /// Makes the client. Nothing is read before [`assign`](Self::assign); the broker need not be there yet.
    ///
    /// # Errors
    /// Only when the settings are wrong.
    pub fn connect(
        connection: &Connection,
        options: &SourceOptions,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Result<Source, SourceError> {
        let queued_kbytes = options.queued_kbytes.max(64);
        // A message costs some hundred bytes beside its own, so tiny ones are bounded by number.
        let queued_messages = u64::from(queued_kbytes) * 4;
        let fetch_bytes = (u64::from(queued_kbytes) * 1024 / 2).clamp(64 << 10, 1 << 20);
        let mut config = connection.config(&[
            ("queued.max.messages.kbytes", &queued_kbytes.to_string()),
            ("queued.min.messages", &queued_messages.to_string()),
            ("fetch.message.max.bytes", &fetch_bytes.to_string()),
            // How long the fetcher of a full queue sleeps: the default of a second starves a fast reader.
            ("fetch.queue.backoff.ms", "5"),
            // A fetch that waits at the end of one partition holds up another whose queue was full when it was sent.
            ("fetch.wait.max.ms", "250"),
            ("fetch.error.backoff.ms", "100"),
            ("topic.metadata.refresh.interval.ms", "5000"),
            // How long a topic may be missing before it counts as deleted.
            ("topic.metadata.propagation.max.ms", "10000"),
        ])?;
        config
            .set("group.id", &options.group_id)
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "error")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("allow.auto.create.topics", "false");
        let mut consumer: BaseConsumer<Context> = config
            .create_with_context(Context::new("source"))
            .map_err(ConnectionError::from_kafka)?;
        let events = Arc::new(AtomicBool::new(true));
        {
            let (events, wake) = (Arc::clone(&events), Arc::clone(&wake));
            consumer.set_nonempty_callback(move || {
                events.store(true, Ordering::Release);
                wake();
            });
        }
        Ok(Source {
            partitions: BTreeMap::new(),
            consumer: Arc::new(consumer),
            events,
            watched: Arc::new(AtomicBool::new(false)),
            gone: Arc::new(AtomicBool::new(false)),
            wake,
            topic: options.topic.clone(),
        })
    }

    /// Adds a partition, to be read from `offset` on; the others go on undisturbed.
    ///
    /// # Errors
    /// The partition is assigned already, or the offset is negative.
    pub fn assign(&mut self, partition: i32, offset: i64) -> Result<(), SourceError> {
        let refuse = |fault: String| SourceError::Assignment { partition, fault };
        if offset < 0 || partition < 0 {
            return Err(refuse(format!("cannot be read from offset {offset}")));
        }
        if self.partitions.contains_key(&partition) {
            return Err(refuse("is assigned already".into()));
        }
        let queue = PartitionQueue::open(&self.consumer, &self.topic, partition, Arc::clone(&self.wake))
            .ok_or_else(|| refuse(format!("of topic `{}` has no queue", self.topic)))?;
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.topic, partition, Offset::Offset(offset))
            .and_then(|()| self.consumer.incremental_assign(&list))
            .map_err(|error| refuse(format!("cannot be assigned: {error}")))?;
        self.partitions.insert(
            partition,
            Partition {
                queue,
                position: offset,
            },
        );
        Ok(())
    }

    /// Hands over what the partition has, at most `max` records, without waiting.
    ///
    /// # Errors
    /// See [`SourceError`]. After an error the partition gives nothing more; make a new source.
    pub fn read(
        &mut self,
        partition: i32,
        max: usize,
        mut each: impl FnMut(Record<'_>),
    ) -> Result<Read, SourceError> {
        self.serve();
        if self.gone.load(Ordering::Acquire) {
            let reason = "the broker does not know it any more".to_owned();
            return Err(SourceError::TopicGone {
                topic: self.topic.clone(),
                partition,
                reason,
            });
        }
        let Some(Partition { queue, position }) = self.partitions.get_mut(&partition) else {
            return Err(SourceError::Assignment {
                partition,
                fault: "is not assigned".into(),
            });
        };
        let mut records = 0;
        let mut fault = None;
        let taken = queue.drain(max.max(1), |item| match item {
            Item::Record(record) => {
                *position = record.offset + 1;
                records += 1;
                each(record);
            }
            Item::End(offset) => *position = (*position).max(offset),
            Item::Fault { code, offset, reason } => {
                fault = fault
                    .take()
                    .or_else(|| fatal(&self.topic, partition, offset, code, reason));
            }
        });
        if let Some(error) = fault {
            return Err(error);
        }
        Ok(Read {
            records,
            maybe_more: taken > 0 && !queue.is_empty(),
        })
    }

    /// The next offset to be read: one past the last record handed over, or past the end of the partition with its
    /// transaction markers once that was reached. -1 for a partition that is not assigned.
    pub fn position(&self, partition: i32) -> i64 {
        self.partitions
            .get(&partition)
            .map_or(-1, |partition| partition.position)
    }

    /// Serves what concerns no partition: the state of the connection and librdkafka's log. [`read`](Self::read)
    /// does it too; a source of no partitions needs it on wake-up.
    pub fn serve(&mut self) {
        if self.events.swap(false, Ordering::AcqRel) {
            if client::serve(&self.consumer) {
                self.events.store(true, Ordering::Release);
                (self.wake)();
            }
            let context = self.consumer.context();
            if (context.take_doubt() || context.is_down()) && !self.watched.swap(true, Ordering::AcqRel) {
                self.ask_until_answered();
            }
        }
    }

    /// librdkafka tells when the brokers are gone, but not when they are back, and a deleted topic only in its log:
    /// a thread asks until there is an answer.
    fn ask_until_answered(&self) {
        let consumer = Arc::downgrade(&self.consumer);
        let (watched, gone) = (Arc::clone(&self.watched), Arc::clone(&self.gone));
        let (wake, topic) = (Arc::clone(&self.wake), self.topic.clone());
        let ask = move || {
            while let Some(consumer) = consumer.upgrade() {
                let answer = listing::leaders(consumer.client(), &topic, Duration::from_secs(1));
                if let Ok(answer) = answer {
                    consumer.context().is_back();
                    use RDKafkaErrorCode::{UnknownTopic, UnknownTopicOrPartition};
                    let missing = matches!(answer, Err(UnknownTopic | UnknownTopicOrPartition));
                    gone.store(missing, Ordering::Release);
                    break;
                }
                drop(consumer);
                std::thread::sleep(Duration::from_millis(200));
            }
            watched.store(false, Ordering::Release);
            wake();
        };
        if std::thread::Builder::new()
            .name("kafka-watch".into())
            .spawn(ask)
            .is_err()
        {
            self.watched.store(false, Ordering::Release);
        }
    }

    /// Whether a broker can be reached, as far as is known.
    pub fn connected(&self) -> bool {
        !self.consumer.context().is_down()
    }
}

/// What an error in a partition's queue means: `None` for one that librdkafka gets over by itself.
fn fatal(
    topic: &str,
    partition: i32,
    offset: i64,
    code: RDKafkaErrorCode,
    reason: String,
) -> Option<SourceError> {
    use RDKafkaErrorCode as Code;
    match code {
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => {
            Some(SourceError::OutOfRange {
                partition,
                offset,
                reason,
            })
        }
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            Some(SourceError::TopicGone {
                topic: topic.to_owned(),
                partition,
                reason,
            })
        }
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::KafkaStorageError
        | Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::ReplicaNotAvailable
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::BrokerNotAvailable
        | Code::NetworkException
        | Code::Resolve => {
            tracing::debug!(
                topic,
                partition,
                offset,
                reason,
                "fetch failed, librdkafka tries again"
            );
            None
        }
        _ => Some(SourceError::Refused {
            partition,
            offset,
            reason,
        }),
    }
}
