//! Follows the results as any dashboard would: a read_committed consumer of `analytics-results`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use weir_kafka::{Connection, offsets};
use weir_proto::AnalyticsResult;

use crate::topic_names::RESULTS;

/// Older results shown at a start, in offsets.
const BACKLOG: i64 = 120;
/// The longest wait for a message, so that a stop is seen.
const NAP: Duration = Duration::from_millis(100);

/// A result and whether it was published before this run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followed {
    pub(crate) result: AnalyticsResult,
    pub(crate) is_old: bool,
}

/// The thread that follows.
pub(crate) struct Follower {
    results: Receiver<Followed>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Follows the results from a little before their present end; the topic must exist.
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
        consumer
            .assign(&assignment)
            .context("cannot follow the results")?;

        let stop = Arc::new(AtomicBool::new(false));
        let (sender, results) = channel();
        let stopped = Arc::clone(&stop);
        let follow = move || {
            while !stopped.load(Ordering::Relaxed) {
                match consumer.poll(NAP) {
                    Some(Ok(message)) => {
                        let value = message.payload().unwrap_or_default();
                        match AnalyticsResult::from_json(value) {
                            Ok(result) => {
                                let followed = Followed {
                                    result,
                                    is_old: message.offset() < end,
                                };
                                if sender.send(followed).is_err() {
                                    return;
                                }
                            }
                            Err(error) => {
                                tracing::warn!(offset = message.offset(), %error, "this is no result")
                            }
                        }
                    }
                    Some(Err(error)) => tracing::warn!(%error, "cannot follow the results"),
                    None => {}
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .spawn(follow)
            .context("cannot start a thread")?;
        Ok(Self {
            results,
            stop,
            thread: Some(thread),
        })
    }

    /// What has come since the last call.
    pub(crate) fn arrived(&self) -> impl Iterator<Item = Followed> + '_ {
        self.results.try_iter()
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
