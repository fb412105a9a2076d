//! Records that will never be understood, as they came, to a topic of their own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use service_common::kafka::Tokio;
use tokio::sync::OnceCell;
use weir_kafka::{
    Connection, ConnectionError, PlainContext, Reject, TopicSpec, dead_letter, ensure_unless,
    max_message_bytes,
};

use crate::CLIENT;

use crate::record::Record;
use crate::trouble::{Trouble, Work};

/// They are looked at by people, who may be on holiday.
const RETENTION_MS: &str = "2592000000";
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// Takes what will never be understood.
pub trait DeadLetters: Send + Sync {
    /// Puts a record there, with the reason.
    fn put<'a>(&'a self, record: &'a Record, error: &'a str) -> Work<'a, ()>;
}

/// A topic of dead letters, made when the first one comes.
pub struct DeadLetterTopic {
    connection: Connection,
    topic: Arc<str>,
    producer: FutureProducer<PlainContext, Tokio>,
    /// The largest record it takes, in bytes.
    largest: OnceCell<usize>,
}

impl DeadLetterTopic {
    /// This topic of this cluster.
    ///
    /// # Errors
    /// A setting is not one of librdkafka's.
    pub fn new(connection: &Connection, topic: &str) -> Result<DeadLetterTopic, ConnectionError> {
        let patience = PATIENCE.as_millis().to_string();
        let settings = [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("partitioner", "murmur2_random"),
            ("message.timeout.ms", patience.as_str()),
        ];
        Ok(DeadLetterTopic {
            connection: connection.clone(),
            topic: topic.into(),
            producer: connection.client(CLIENT, &settings)?,
            largest: OnceCell::new(),
        })
    }

    /// Makes the topic where it is missing, and asks for its limit, once.
    async fn largest(&self) -> Result<usize, Trouble> {
        let ask = || async {
            let (connection, topic) = (self.connection.clone(), self.topic.to_string());
            let asked = tokio::task::spawn_blocking(move || {
                let spec = TopicSpec {
                    name: topic.clone(),
                    partitions: 1,
                    configs: vec![("retention.ms", RETENTION_MS.to_owned())],
                };
                let deadline = Instant::now() + PATIENCE;
                ensure_unless(&connection, &[spec], &|| Instant::now() > deadline)?;
                max_message_bytes(&connection, &topic)
            });
            asked.await.map_err(trouble)?.map_err(trouble)
        };
        self.largest.get_or_try_init(ask).await.copied()
    }
}

fn trouble(error: impl std::fmt::Display) -> Trouble {
    Trouble::new("dead_letters", error)
}

impl DeadLetters for DeadLetterTopic {
    fn put<'a>(&'a self, record: &'a Record, error: &'a str) -> Work<'a, ()> {
        Box::pin(async move {
            let reject = Reject {
                partition: record.partition,
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.clone(),
                value: record.value.clone(),
                error: error.to_owned(),
            };
            let letter = dead_letter(&self.topic, &record.topic, reject, self.largest().await?);
            let mut headers = OwnedHeaders::new_with_capacity(letter.headers.len());
            for (key, value) in &letter.headers {
                headers = headers.insert(Header {
                    key,
                    value: Some(value),
                });
            }
            let mut outgoing = FutureRecord::<[u8], [u8]>::to(&letter.topic).headers(headers);
            outgoing.key = letter.key.as_deref();
            outgoing.payload = letter.value.as_deref();
            let sent = self.producer.send(outgoing, PATIENCE).await;
            sent.map_err(|(error, _)| trouble(error))?;
            Ok(())
        })
    }
}
