//! Follows the results as any dashboard would, and the reasons of what is refused: a read_committed consumer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use weir_kafka::{Connection, offsets};
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
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Follows the results from a little before their present end, and what is refused from now on; both topics must
    /// exist.
    pub(crate) fn start(connection: &Connection) -> Result<Self> {
        let (first, end) = offsets(connection, RESULTS)?.get(&0).copied().unwrap_or((0, 0));
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
        assignment.add_partition_offset(RESULTS, 0, Offset::Offset(first.max(end - BACKLOG)))?;
        assignment.add_partition_offset(DLQ, 0, Offset::End)?;
        consumer
            .assign(&assignment)
            .context("cannot follow the results")?;

        let stop = Arc::new(AtomicBool::new(false));
        let (sender, followed) = channel();
        let stopped = Arc::clone(&stop);
        let follow = move || {
            while !stopped.load(Ordering::Relaxed) {
                let followed = match consumer.poll(NAP) {
                    Some(Ok(message)) => read(&message, end),
                    Some(Err(error)) => {
                        tracing::warn!(%error, "cannot follow the results");
                        None
                    }
                    None => None,
                };
                if followed.is_some_and(|followed| sender.send(followed).is_err()) {
                    return;
                }
            }
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
    match AnalyticsResult::from_json(message.payload().unwrap_or_default()) {
        Ok(result) if message.offset() < end => Some(Followed::Old(result)),
        Ok(result) => Some(Followed::New(result)),
        Err(error) => {
            tracing::warn!(offset = message.offset(), %error, "this is no result");
            None
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
