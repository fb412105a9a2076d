//! Writing a feed into a topic with a plain idempotent producer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::Message as _;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;

use super::{Planned, Receipts};

/// How long the broker may take to acknowledge what was sent: it may be dead for a while.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Acks {
    acknowledged: Mutex<Receipts>,
    refused: Mutex<Vec<String>>,
}

#[derive(Clone, Default)]
struct Delivery(Arc<Acks>);

impl ClientContext for Delivery {
    // Brokers are killed on purpose here; what matters comes back with the records.
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Delivery {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => {
                let mut acknowledged = self.0.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
                acknowledged.add(message.partition(), message.key(), message.payload());
            }
            Err((error, _)) => {
                self.0
                    .refused
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(error.to_string());
            }
        }
    }
}

/// A producer for one orders topic. It survives the broker's death and restart.
pub struct Writer {
    producer: BaseProducer<Delivery>,
    acks: Arc<Acks>,
    topic: String,
    sent: u64,
}

impl Writer {
    /// An idempotent producer.
    ///
    /// # Errors
    /// When the settings are refused.
    pub fn new(bootstrap: &str, topic: &str) -> Result<Writer> {
        Writer::with(bootstrap, topic, &[])
    }

    fn with(bootstrap: &str, topic: &str, more: &[(&str, &str)]) -> Result<Writer> {
        let context = Delivery::default();
        let acks = context.0.clone();
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            .set("compression.type", "lz4")
            .set("linger.ms", "2")
            .set("message.max.bytes", "60000000")
            .set("message.timeout.ms", "110000");
        for (key, value) in more {
            config.set(*key, *value);
        }
        let producer = config.create_with_context(context)?;
        Ok(Writer {
            producer,
            acks,
            topic: topic.to_owned(),
            sent: 0,
        })
    }

    /// Sends the records and waits until every one is acknowledged.
    ///
    /// # Errors
    /// When one is refused or the broker stays away for two minutes.
    pub fn write(&mut self, records: &[Planned]) -> Result<()> {
        self.send(records)?;
        self.flush()
    }

    fn send(&mut self, records: &[Planned]) -> Result<()> {
        for planned in records {
            loop {
                let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic)
                    .partition(planned.partition)
                    .timestamp(planned.timestamp);
                if let Some(key) = &planned.key {
                    record = record.key(key);
                }
                if let Some(value) = &planned.value {
                    record = record.payload(value);
                }
                match self.producer.send(record) {
                    Ok(()) => break,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                        self.producer.poll(Duration::from_millis(10));
                    }
                    Err((error, _)) => return Err(error).context("sending an order"),
                }
            }
            self.sent += 1;
        }
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.producer.in_flight_count() > 0 {
            ensure!(
                Instant::now() < deadline,
                "{} orders not acknowledged",
                self.producer.in_flight_count()
            );
            self.producer.poll(Duration::from_millis(20));
        }
        let refused = self.acks.refused.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(
            refused.is_empty(),
            "{} orders refused: {}",
            refused.len(),
            refused[0]
        );
        Ok(())
    }

    /// Records acknowledged by the broker since the last call.
    pub fn take_acknowledged(&self) -> Receipts {
        let acknowledged = self.acks.acknowledged.lock();
        std::mem::take(&mut *acknowledged.unwrap_or_else(PoisonError::into_inner))
    }
}

/// A producer that writes orders in transactions.
pub struct Transactional {
    writer: Writer,
    committed: Receipts,
}

impl Transactional {
    /// A producer with this transactional id, initialised.
    ///
    /// # Errors
    /// When the broker does not take it.
    pub fn new(bootstrap: &str, topic: &str, transactional_id: &str) -> Result<Transactional> {
        let more = [
            ("transactional.id", transactional_id),
            ("transaction.timeout.ms", "60000"),
            ("message.timeout.ms", "50000"),
        ];
        let writer = Writer::with(bootstrap, topic, &more)?;
        writer.producer.init_transactions(PATIENCE)?;
        Ok(Transactional {
            writer,
            committed: Receipts::default(),
        })
    }

    /// Begins a transaction and writes the records into it; it stays open.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn open(&mut self, records: &[Planned]) -> Result<()> {
        self.writer.producer.begin_transaction()?;
        self.writer.write(records)
    }

    /// Commits the open transaction.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn commit(&mut self) -> Result<()> {
        self.writer.producer.commit_transaction(PATIENCE)?;
        self.committed.add_all(&self.writer.take_acknowledged());
        Ok(())
    }

    /// Aborts the open transaction: its orders never were.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn abort(&mut self) -> Result<()> {
        self.writer.producer.abort_transaction(PATIENCE)?;
        self.writer.take_acknowledged();
        Ok(())
    }

    /// Records of the transactions that were committed.
    pub fn committed(&self) -> &Receipts {
        &self.committed
    }
}
