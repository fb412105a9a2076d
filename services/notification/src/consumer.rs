//! Reads the topics as a member of a group. An offset is stored once its record and all before it are done with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use service_common::kafka::Tokio;
use service_common::server::Stopping;
use weir_kafka::{Connection, ConnectionError, PlainContext};

use crate::CLIENT;
use crate::batch::{Progress, handle};
use crate::desk::Desk;
use crate::options::Topics;
use crate::record::Record;

/// The most records at a time.
const MOST: usize = 500;
/// Between two attempts while something is away: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A member of the group.
pub struct Consumer {
    consumer: StreamConsumer<PlainContext, Tokio>,
    topics: Topics,
    desk: Desk,
    runs: Arc<AtomicBool>,
}

impl Consumer {
    /// Joins the group. Kafka and the topics may be missing: it waits for them.
    ///
    /// # Errors
    /// A setting is not one of librdkafka's.
    pub fn join(
        connection: &Connection,
        group: &str,
        topics: Topics,
        desk: Desk,
    ) -> Result<Consumer, ConnectionError> {
        let settings = [
            ("group.id", group),
            // A new group begins with what is there: nobody is forgotten.
            ("auto.offset.reset", "earliest"),
            ("enable.auto.offset.store", "false"),
            ("enable.auto.commit", "true"),
            ("auto.commit.interval.ms", "1000"),
            ("allow.auto.create.topics", "false"),
            // Topics that are made later are found soon.
            ("topic.metadata.refresh.interval.ms", "5000"),
            // Messages are small, and few are under way at a time.
            ("queued.max.messages.kbytes", "8192"),
        ];
        let consumer: StreamConsumer<PlainContext, Tokio> = connection.client(CLIENT, &settings)?;
        consumer
            .subscribe(&[&topics.orders, &topics.notifications])
            .map_err(|error| ConnectionError::Client(error.to_string()))?;
        Ok(Consumer {
            consumer,
            topics,
            desk,
            runs: Arc::new(AtomicBool::new(true)),
        })
    }

    /// False once it has ended, which it does only when it is told to.
    #[must_use]
    pub fn runs(&self) -> Arc<AtomicBool> {
        self.runs.clone()
    }

    /// Handles records until told to stop; then leaves the group with its offsets committed.
    pub async fn run(self, stopping: Stopping) {
        let end = Ended(self.runs.clone());
        while let Some(records) = self.next(&stopping).await {
            self.see_through(records, &stopping).await;
        }
        drop(end);
        // To leave the group is a talk with the broker.
        let left = tokio::task::spawn_blocking(move || drop(self.consumer)).await;
        if let Err(error) = left {
            tracing::warn!(%error, "could not leave the consumer group");
        }
    }

    /// The records that are there, at least one; `None` when told to stop.
    async fn next(&self, stopping: &Stopping) -> Option<Vec<Record>> {
        let mut records = Vec::new();
        while records.is_empty() {
            let received = tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                received = self.consumer.recv() => received,
            };
            records.extend(self.take(received));
            while records.len() < MOST
                && let Some(received) = self.consumer.recv().now_or_never()
            {
                records.extend(self.take(received));
            }
        }
        Some(records)
    }

    fn take(&self, received: KafkaResult<BorrowedMessage<'_>>) -> Option<Record> {
        match received {
            Ok(message) => self.record(&message),
            Err(error) => {
                // The client goes on by itself; whatever keeps it from doing so it tells its context.
                tracing::debug!(%error, "nothing from Kafka");
                None
            }
        }
    }

    fn record(&self, message: &BorrowedMessage<'_>) -> Option<Record> {
        let headers = message.headers();
        let headers = headers.iter().flat_map(|headers| headers.iter());
        Some(Record {
            // Only these two are subscribed to.
            source: self.topics.source(message.topic())?,
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
                .collect(),
        })
    }

    /// Handles records until all are done with, or told to stop.
    async fn see_through(&self, records: Vec<Record>, stopping: &Stopping) {
        let mut pause = FIRST_PAUSE;
        let mut left = records;
        let mut has_failed = false;
        loop {
            let progress = handle(&self.desk, std::mem::take(&mut left), None).await;
            for part in progress {
                self.store(&part);
                if let Some(trouble) = &part.trouble
                    && !std::mem::replace(&mut has_failed, true)
                {
                    tracing::warn!(error = %trouble, waiting = part.left().len(), "messages wait; trying again");
                }
                left.extend_from_slice(part.left());
            }
            if left.is_empty() {
                break;
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        if has_failed {
            tracing::info!("messages are sent again");
        }
    }

    /// What was done with need not be read again.
    fn store(&self, part: &Progress) {
        let Some(last) = part
            .handled
            .checked_sub(1)
            .and_then(|last| part.records.get(last))
        else {
            return;
        };
        let stored = self
            .consumer
            .store_offset(&last.topic, last.partition, last.offset);
        if let Err(error) = stored {
            // Another member has the partition now, and finds what was sent among the claims.
            tracing::debug!(%error, topic = last.topic, partition = last.partition, "an offset is not ours to store");
        }
    }
}

/// Notes the end, even that of a panic.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
