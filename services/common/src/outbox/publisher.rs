//! Hands records to Kafka: acknowledged by all in-sync replicas, and idempotent.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;
use weir_kafka::{Auth, Connection, ConnectionError};

/// The producer could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PublisherError {
    /// How Kafka is reached does not fit together.
    #[error("cannot reach Kafka: {0}")]
    Connection(#[from] ConnectionError),
    /// librdkafka refuses.
    #[error("cannot make the Kafka producer: {0}")]
    Producer(#[from] KafkaError),
}

type Report = oneshot::Sender<Result<(), String>>;

struct Reports(Auth);

impl ClientContext for Reports {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.0.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        weir_kafka::note("outbox", level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "trouble with Kafka");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Report>;

    fn delivery(&self, result: &DeliveryResult<'_>, report: Box<Report>) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, message)) => Err(format!("topic {}: {error}", message.topic())),
        };
        // Nobody may be waiting any more.
        let _ = report.send(outcome);
    }
}

/// Publishes records. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    producer: Arc<ThreadedProducer<Reports>>,
}

impl Publisher {
    /// One for this cluster; connects by itself.
    ///
    /// # Errors
    /// A setting is not one of librdkafka's, or does not fit the others.
    pub fn new(connection: &Connection) -> Result<Publisher, PublisherError> {
        let mut config = connection.client_config(&[])?;
        config
            .set("client.id", "weir-outbox")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("compression.type", "lz4")
            // Java's, so that a key is in the same partition whoever writes it.
            .set("partitioner", "murmur2_random")
            // Below the lease of a shard: nothing is under way any more when another relay takes over.
            .set("message.timeout.ms", "8000");
        let producer = config.create_with_context(Reports(connection.auth))?;
        Ok(Publisher {
            producer: Arc::new(producer),
        })
    }

    /// Hands a record over; the receiver tells when it was delivered, or why not.
    pub(super) fn send(
        &self,
        topic: &str,
        key: &str,
        payload: &str,
        headers: &BTreeMap<String, String>,
    ) -> oneshot::Receiver<Result<(), String>> {
        let (report, reported) = oneshot::channel();
        let headers = headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        });
        let record = BaseRecord::with_opaque_to(topic, Box::new(report))
            .key(key)
            .payload(payload)
            .headers(headers);
        if let Err((error, record)) = self.producer.send(record) {
            let reason = match error {
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => {
                    "too much waits already".to_owned()
                }
                error => error.to_string(),
            };
            let _ = record.delivery_opaque.send(Err(reason));
        }
        reported
    }

    /// Gives up what was not delivered yet.
    pub(super) fn purge(&self) {
        self.producer
            .purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
    }
}
