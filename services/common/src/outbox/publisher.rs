//! Hands records to Kafka: acknowledged by all in-sync replicas, and idempotent.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, ready};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer, PurgeConfig};
use weir_kafka::{Connection, ConnectionError, PlainContext};

use crate::kafka::Tokio;

/// How long a record may be under way: so far below the lease of a shard that nothing is any more when another relay takes
/// over, though the lease was last renewed a moment before.
pub(super) const DELIVERY: Duration = Duration::from_secs(7);

/// Publishes records. Cheap to clone.
#[derive(Clone)]
pub struct Publisher(FutureProducer<PlainContext, Tokio>);

impl Publisher {
    /// One for this cluster; connects by itself.
    ///
    /// # Errors
    /// A setting is not one of librdkafka's, or does not fit the others.
    pub fn new(connection: &Connection) -> Result<Publisher, ConnectionError> {
        let delivery_ms = DELIVERY.as_millis().to_string();
        let settings = [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("linger.ms", "1"),
            ("compression.type", "lz4"),
            // Java's, so that a key is in the same partition whoever writes it.
            ("partitioner", "murmur2_random"),
            ("message.timeout.ms", &delivery_ms),
        ];
        connection.client("outbox", &settings).map(Publisher)
    }

    /// Hands a record over, before the future is asked for; that tells when it was delivered, or why not.
    pub(super) fn send(
        &self,
        topic: &str,
        key: &str,
        payload: &str,
        headers: &BTreeMap<String, String>,
    ) -> impl Future<Output = Result<(), String>> + use<> {
        let headers = headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        });
        let record = FutureRecord::to(topic).key(key).payload(payload).headers(headers);
        match self.0.send_result(record) {
            Ok(report) => Either::Left(report.map(|report| match report {
                Ok(Ok(_)) => Ok(()),
                Ok(Err((error, message))) => Err(format!("topic {}: {error}", message.topic())),
                Err(_) => Err("given up".to_owned()),
            })),
            Err((error, _)) => Either::Right(ready(Err(match error {
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => {
                    "too much waits already".to_owned()
                }
                error => error.to_string(),
            }))),
        }
    }

    /// Gives up what was not delivered yet.
    pub(super) fn purge(&self) {
        self.0.purge(PurgeConfig::default().queue().inflight());
    }
}
