//! Writes records to the `orders` topic as any shop would: idempotent, acknowledged by the broker, by key.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

/// A record to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) timestamp_ms: i64,
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

/// Whether the client took a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It did, and the broker will answer for it.
    Over,
    /// It had no room until the stop.
    Back,
}

/// What became of the records so far; shared with whoever shows it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    failed: AtomicU64,
    failure: Mutex<Option<KafkaError>>,
}

impl Progress {
    /// Records handed to the client.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Records that the broker has stored.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }
}

struct Deliveries(Arc<Progress>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        match result {
            Ok(_) => self.0.acknowledged.fetch_add(1, Ordering::Relaxed),
            Err((error, _)) => {
                let mut failure = self
                    .0
                    .failure
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                failure.get_or_insert_with(|| error.clone());
                self.0.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}

/// An idempotent producer for one topic.
pub(crate) struct Producer {
    client: ThreadedProducer<Deliveries>,
    topic: String,
    progress: Arc<Progress>,
}

impl Producer {
    /// Connects lazily; the first record opens the connection.
    pub(crate) fn new(bootstrap_servers: &str, topic: &str, progress: Arc<Progress>) -> Result<Self> {
        let client = ClientConfig::new()
            .set("bootstrap.servers", bootstrap_servers)
            .set("client.id", "weir-shop")
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("message.max.bytes", "1000000")
            .set("queue.buffering.max.messages", "200000")
            .create_with_context(Deliveries(Arc::clone(&progress)))
            .context("cannot create the producer of orders")?;
        Ok(Self {
            client,
            topic: topic.to_owned(),
            progress,
        })
    }

    /// Hands over one record; waits while the client's queue is full, at most until `stop`.
    ///
    /// # Errors
    /// A record that the client refuses, or an earlier one that the broker did not take.
    pub(crate) fn send(&self, record: Outgoing<'_>, stop: &AtomicBool) -> Result<Handed> {
        let mut base = BaseRecord::<[u8], [u8]>::to(&self.topic).timestamp(record.timestamp_ms);
        base.partition = record.partition;
        base.key = record.key;
        base.payload = record.value;
        loop {
            match self.client.send(base) {
                Ok(()) => {
                    self.progress.sent.fetch_add(1, Ordering::Relaxed);
                    return self.failure().map(|()| Handed::Over);
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    base = refused;
                    if stop.load(Ordering::Relaxed) {
                        return Ok(Handed::Back);
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(error).context("cannot produce an order"),
            }
        }
    }

    /// Waits until the broker has answered for every record.
    ///
    /// # Errors
    /// Records that were not stored.
    pub(crate) fn settle(&self) -> Result<()> {
        self.client
            .flush(Duration::from_secs(60))
            .context("the broker did not take all orders in a minute")?;
        self.failure()?;
        let (sent, stored) = (self.progress.sent(), self.progress.acknowledged());
        if sent != stored {
            bail!("{sent} orders were sent and {stored} stored");
        }
        Ok(())
    }

    fn failure(&self) -> Result<()> {
        let failed = self.progress.failed.load(Ordering::Relaxed);
        if failed == 0 {
            return Ok(());
        }
        let failure = self
            .progress
            .failure
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone();
        match failure {
            Some(error) => Err(error).with_context(|| format!("{failed} orders could not be stored")),
            None => bail!("{failed} orders could not be stored"),
        }
    }
}
