//! Follows the results as any dashboard would, and the reasons of what is refused: a read_committed consumer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use weir_kafka::{Connection, offsets, read_range};
use weir_proto::AnalyticsResult;

use crate::topic_names::{DLQ, RESULTS};

/// Older results shown at a start, in offsets.
const BACKLOG: i64 = 120;
/// The longest wait for a message, so that a stop is seen.
const NAP: Duration = Duration::from_millis(100);

/// What has come.
#[derive(Clone, Debug)]
pub(crate) enum Followed {
    /// A result that was there before this run.
    Old(AnalyticsResult),
    /// A result just published.
    New(AnalyticsResult),
    /// Why a record was refused.
    Refused(String),
}

/// The thread that follows.
pub(crate) struct Follower {
    followed: Receiver<Followed>,
    stop: Arc<AtomicBool>,
    /// Gives the offset of the next result when it ends.
    thread: Option<JoinHandle<i64>>,
}

impl Follower {
    /// Follows the results from a little before their present end, and what is refused from now on; both topics must
    /// exist, and the job must not have started, or its first results would pass for old ones.
    pub(crate) fn start(connection: &Connection) -> Result<Self> {
        let bounds = |topic| -> Result<(i64, i64)> {
            let partitions = offsets(connection, topic)?;
            Ok(partitions.get(&0).copied().unwrap_or((0, 0)))
        };
        let (first, end) = bounds(RESULTS)?;
        let (_, dlq_end) = bounds(DLQ)?;
        let from = first.max(end - BACKLOG);
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &connection.bootstrap_servers)
            .set("client.id", "weir-screen")
            .set("group.id", "weir-screen")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "earliest")
            .create()
            .context("cannot create the consumer of results")?;
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(RESULTS, 0, Offset::Offset(from))?;
        assignment.add_partition_offset(DLQ, 0, Offset::Offset(dlq_end))?;
        consumer
            .assign(&assignment)
            .context("cannot follow the results")?;

        let stop = Arc::new(AtomicBool::new(false));
        let (sender, followed) = channel();
        let stopped = Arc::clone(&stop);
        let follow = move || {
            let mut next = from;
            while !stopped.load(Ordering::Relaxed) {
                let followed = match consumer.poll(NAP) {
                    Some(Ok(message)) => {
                        if message.topic() == RESULTS {
                            next = message.offset() + 1;
                        }
                        read(&message, end)
                    }
                    Some(Err(error)) => {
                        tracing::warn!(%error, "cannot follow the results");
                        None
                    }
                    None => None,
                };
                if followed.is_some_and(|followed| sender.send(followed).is_err()) {
                    break;
                }
            }
            next
        };
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .spawn(follow)
            .context("cannot start a thread")?;
        Ok(Self {
            followed,
            stop,
            thread: Some(thread),
        })
    }

    /// What has come since the last call.
    pub(crate) fn arrived(&self) -> impl Iterator<Item = Followed> + '_ {
        self.followed.try_iter()
    }

    /// Ends, once the job has: all that has come since the last call, up to the last result there is.
    ///
    /// # Errors
    /// Results that cannot be read.
    pub(crate) fn finish(mut self, connection: &Connection) -> Result<Vec<Followed>> {
        let Some(next) = self.stop() else {
            return Err(anyhow!("the thread that follows the results panicked"));
        };
        let mut rest: Vec<Followed> = self.followed.try_iter().collect();
        read_range(connection, RESULTS, 0, next, |record| {
            rest.extend(
                result(record.value.as_deref().unwrap_or_default(), record.offset).map(Followed::New),
            );
        })?;
        Ok(rest)
    }

    fn stop(&mut self) -> Option<i64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take()?.join().ok()
    }
}

/// `end` is the first offset of this run in the results.
fn read(message: &BorrowedMessage<'_>, end: i64) -> Option<Followed> {
    if message.topic() == DLQ {
        let error = message
            .headers()?
            .iter()
            .find(|header| header.key == "error")?
            .value?;
        return Some(Followed::Refused(String::from_utf8_lossy(error).into_owned()));
    }
    let result = result(message.payload().unwrap_or_default(), message.offset())?;
    Some(if message.offset() < end {
        Followed::Old(result)
    } else {
        Followed::New(result)
    })
}

fn result(value: &[u8], offset: i64) -> Option<AnalyticsResult> {
    AnalyticsResult::from_json(value)
        .inspect_err(|error| tracing::warn!(offset, %error, "this is no result"))
        .ok()
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop();
    }
}
