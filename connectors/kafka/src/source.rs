//! The orders of some partitions, as they come, for a thread that must never wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::client::{self, SharedClient};
use crate::connection::{Connection, ConnectionError};
use crate::listing;
use crate::queue::{Item, PartitionQueue, Wake};
use crate::sample;

/// What a [`Source`] reads and how far it reads ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// The topic.
    pub topic: String,
    /// The consumer group. It is never joined: partitions are assigned by hand. Brokers check the right to it.
    pub group_id: String,
    /// Read-ahead of each partition in KiB (at least 64): fetching stops once so much lies in memory, so that it can be
    /// more by one fetch. A partition that is not read keeps this much and holds nobody else up.
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
    consumer: SharedClient,
    /// Something lies in the common queue: errors of the connection, log lines.
    events: Arc<AtomicBool>,
    /// A thread asks the broker whether it is there, and the topic.
    watched: Arc<AtomicBool>,
    /// The broker said that the topic does not exist.
    gone: Arc<AtomicBool>,
    /// How often there was a reason to ask.
    interruptions: u64,
    wake: Wake,
    topic: String,
}

struct Partition {
    queue: PartitionQueue,
    position: i64,
}

/// How long a topic may be missing before it counts as gone.
const MISSING: Duration = Duration::from_secs(10);
/// Between two questions to the broker.
const ASK_AGAIN: Duration = Duration::from_millis(200);

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
        let [queued_kbytes, queued_messages, fetch_bytes] =
            [queued_kbytes.into(), queued_messages, fetch_bytes].map(|value| value.to_string());
        let defaults = [
            ("queued.max.messages.kbytes", queued_kbytes.as_str()),
            ("queued.min.messages", &queued_messages),
            ("fetch.message.max.bytes", &fetch_bytes),
            // How long the fetcher of a full queue sleeps: the default of a second starves a fast reader.
            ("fetch.queue.backoff.ms", "5"),
            // A fetch that waits at the end of one partition holds up another whose queue was full when it was sent: one is
            // under way for each broker. Shorter than a full queue lasts, and no shorter, for the sake of idle time.
            ("fetch.wait.max.ms", "100"),
            ("fetch.error.backoff.ms", "100"),
            ("topic.metadata.refresh.interval.ms", "5000"),
            // For a topic that librdkafka has just heard of; one that it knew is missing at once, see `watch`.
            ("topic.metadata.propagation.max.ms", "10000"),
        ];
        let mut consumer = client::reader(connection, "source", &options.group_id, &defaults)?;
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
            interruptions: 0,
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
        let mut doubt = false;
        let each = |item: Item<'_>| match item {
            // A gap: what lies behind it is not to be taken for read.
            _ if fault.is_some() => {}
            Item::Record(record) => {
                *position = record.offset + 1;
                records += 1;
                each(record);
            }
            Item::End(offset) => *position = (*position).max(offset),
            Item::Fault { code, offset, reason } => match meaning(code) {
                Meaning::Passes => tracing::debug!(
                    topic = self.topic,
                    partition,
                    offset,
                    reason,
                    "fetch failed, librdkafka tries again"
                ),
                Meaning::Doubt => doubt = true,
                Meaning::OutOfRange => {
                    fault = Some(SourceError::OutOfRange {
                        partition,
                        offset,
                        reason,
                    });
                }
                Meaning::Refused => {
                    fault = Some(SourceError::Refused {
                        partition,
                        offset,
                        reason,
                    });
                }
            },
        };
        let topic = &self.topic;
        let taken = queue.drain(max.max(1), each, |offset, trace| {
            sample::tell(topic, partition, offset, trace);
        });
        let maybe_more = taken > 0 && queue.len() > 0;
        if doubt {
            self.consumer.context().doubt();
            self.settle_doubt();
        }
        match fault {
            Some(error) => Err(error),
            None => Ok(Read { records, maybe_more }),
        }
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
            self.settle_doubt();
        }
    }

    /// Asks the broker when there is reason to. While a thread asks already, a doubt stays for when it has its answer.
    fn settle_doubt(&mut self) {
        let context = self.consumer.context();
        let watched = self.watched.load(Ordering::Acquire);
        if !watched && (context.take_doubt() || context.is_down()) {
            self.interruptions += 1;
            self.watch();
        }
    }

    /// librdkafka tells when a connection is gone, but not for certain when all are, nor when they are back, and a deleted
    /// topic only in its log: a thread asks until there is an answer. A topic that is missing counts as gone only after
    /// [`MISSING`], because one broker may not know yet, or not any more, what the others do.
    fn watch(&self) {
        self.watched.store(true, Ordering::Release);
        let consumer = Arc::downgrade(&self.consumer);
        let (watched, gone) = (Arc::clone(&self.watched), Arc::clone(&self.gone));
        let (wake, events) = (Arc::clone(&self.wake), Arc::clone(&self.events));
        let topic = self.topic.clone();
        let partitions: Vec<i32> = self.partitions.keys().copied().collect();
        let ask = move || {
            let mut missing_since: Option<Instant> = None;
            while let Some(consumer) = consumer.upgrade() {
                match listing::leaders(consumer.client(), &topic, Duration::from_secs(1)) {
                    Ok(answer) => {
                        consumer.context().is_back();
                        if !is_missing(&answer, &partitions) {
                            break;
                        }
                        let since = *missing_since.get_or_insert_with(Instant::now);
                        if since.elapsed() >= MISSING {
                            gone.store(true, Ordering::Release);
                            break;
                        }
                    }
                    Err(error) => {
                        consumer.context().unanswered(error);
                        // No word is not the word that it is missing.
                        missing_since = None;
                    }
                }
                drop(consumer);
                std::thread::sleep(ASK_AGAIN);
            }
            watched.store(false, Ordering::Release);
            // A doubt that came meanwhile is looked at again.
            events.store(true, Ordering::Release);
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

    /// How often the connection was lost, or there was a doubt whether the topic is there. After it has changed the topic may
    /// be another one of the same name.
    pub fn interruptions(&self) -> u64 {
        self.interruptions
    }

    /// Whether a broker can be reached, as far as is known.
    pub fn connected(&self) -> bool {
        !self.consumer.context().is_down()
    }
}

/// Whether the topic, or one of these partitions of it, does not exist.
fn is_missing(answer: &Result<BTreeMap<i32, Option<i32>>, RDKafkaErrorCode>, partitions: &[i32]) -> bool {
    match answer {
        Ok(known) => !partitions.iter().all(|partition| known.contains_key(partition)),
        Err(code) => matches!(
            code,
            RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition
        ),
    }
}

/// What an error in a partition's queue means.
enum Meaning {
    /// librdkafka gets over it by itself.
    Passes,
    /// The topic may be gone: ask.
    Doubt,
    OutOfRange,
    Refused,
}

fn meaning(code: RDKafkaErrorCode) -> Meaning {
    use RDKafkaErrorCode as Code;
    match code {
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => Meaning::OutOfRange,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => Meaning::Doubt,
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
        | Code::Resolve => Meaning::Passes,
        _ => Meaning::Refused,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use test_support::patience::eventually;

    use super::*;

    #[test]
    fn a_broker_that_does_not_answer_when_asked_is_away_though_librdkafka_has_not_given_it_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connection = Connection::new(silent.local_addr().unwrap().to_string());
        let ever = ("api.version.request.timeout.ms".into(), "300000".into());
        connection.properties.push(ever);
        let options = SourceOptions {
            topic: "orders".into(),
            group_id: "job".into(),
            queued_kbytes: 64,
        };
        let mut source = Source::connect(&connection, &options, Arc::new(|| {})).unwrap();
        source.consumer.context().doubt();
        eventually("the outage is told", || {
            source.serve();
            if source.connected() {
                Err("connected".into())
            } else {
                Ok(())
            }
        });
    }
}
