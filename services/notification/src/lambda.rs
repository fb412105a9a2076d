//! AWS Lambda, fed by an event source mapping of MSK or of a self-managed Kafka.
//!
//! The mapping must be told `ReportBatchItemFailures`: what could not be done is named in the answer and handed in again.

mod token;

use std::collections::BTreeMap;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use serde::{Deserialize, Serialize};
use service_common::client::{AddressError, Link};
use service_common::metrics::Metrics;
use service_common::options::UpstreamOptions;
use service_common::secret::SecretText;

use crate::batch;
use crate::desk::Desk;
use crate::options::{DeskOptions, Topics};
use crate::record::Record;

pub use token::TokenError;

/// Settings of the function, from its environment.
#[derive(Clone, Debug, Parser)]
#[command(name = "bootstrap", version)]
pub struct LambdaOptions {
    /// Who is told, and how
    #[command(flatten)]
    pub desk: DeskOptions,
    /// How others are called
    #[command(flatten)]
    pub upstream: UpstreamOptions,
    /// The token that this function shows to others
    #[arg(
        long,
        env = "SERVICE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        required_unless_present = "service_token_secret"
    )]
    pub service_token: Option<SecretText>,
    /// The secret of AWS Secrets Manager that the token is in: an object of JSON, a token for each service by its name
    #[arg(
        long,
        env = "SERVICE_TOKEN_SECRET",
        value_name = "NAME|ARN",
        conflicts_with = "service_token"
    )]
    pub service_token_secret: Option<String>,
    /// What is logged: `info`, or `info,service_common=debug`
    #[arg(long, env = "LOG_LEVEL", value_name = "FILTER", default_value = "info")]
    pub log_level: String,
}

impl LambdaOptions {
    /// The way to the user service; the token is fetched where it is in a secret.
    ///
    /// # Errors
    /// The secret cannot be read, or the address is none.
    pub async fn users(&self, metrics: &Metrics) -> Result<Link, UsersError> {
        let token = match (&self.service_token, &self.service_token_secret) {
            (Some(token), _) => token.clone(),
            (None, secret) => token::fetch(secret.as_deref().unwrap_or_default()).await?,
        };
        Ok(self.upstream.users(&token, metrics)?)
    }
}

/// The user service cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The address.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// What a function is invoked with: records by `TOPIC-PARTITION`.
#[derive(Clone, Debug, Deserialize)]
pub struct KafkaEvent {
    records: BTreeMap<String, Vec<KafkaRecord>>,
}

#[derive(Clone, Debug, Deserialize)]
struct KafkaRecord {
    topic: String,
    partition: i32,
    offset: i64,
    timestamp: Option<i64>,
    key: Option<String>,
    value: Option<String>,
    #[serde(default)]
    headers: Vec<BTreeMap<String, HeaderValue>>,
}

/// The bytes of a header: numbers, signed as Java's bytes are or not, or base64.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum HeaderValue {
    Bytes(Vec<i16>),
    Text(String),
}

/// What is answered: the records to be handed in again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// Empty: all are done with.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A record that is not done with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Which one.
    pub item_identifier: ItemIdentifier,
}

/// A record of a batch.
///
/// Lambda's manual calls the partition `topic-partition`, AWS's own Powertools call it `partition`; both are given, with the
/// same value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ItemIdentifier {
    /// `orders-3`.
    #[serde(rename = "topic-partition")]
    pub topic_partition: String,
    /// The same.
    pub partition: String,
    /// Its offset there.
    pub offset: i64,
}

/// The function cannot do its work: an error of its set-up, which the mapping repeats until that is mended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a record of the topic `{topic}` is neither an order's event nor a notification; set KAFKA_ORDERS_TOPIC and KAFKA_NOTIFICATIONS_TOPIC"
)]
pub struct UnknownTopic {
    topic: String,
}

/// Handles a batch; begins with no record after `until`.
///
/// # Errors
/// The mapping reads a topic that is none of ours.
pub async fn handle(
    desk: &Desk,
    topics: &Topics,
    event: KafkaEvent,
    until: Option<Instant>,
) -> Result<BatchResponse, UnknownTopic> {
    let mut records = Vec::new();
    for record in event.records.into_values().flatten() {
        let source = topics.source(&record.topic);
        let source = source.ok_or_else(|| UnknownTopic {
            topic: record.topic.clone(),
        })?;
        records.push(Record {
            source,
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.map(bytes),
            value: record.value.map(bytes),
            headers: record.headers.into_iter().flatten().map(header).collect(),
        });
    }
    let mut response = BatchResponse::default();
    for part in batch::handle(desk, records, until).await {
        if let Some(trouble) = &part.trouble {
            tracing::warn!(error = %trouble, waiting = part.left().len(), "records are handed back");
        }
        response
            .batch_item_failures
            .extend(part.left().iter().map(failure));
    }
    Ok(response)
}

fn failure(record: &Record) -> BatchItemFailure {
    let partition = format!("{}-{}", record.topic, record.partition);
    BatchItemFailure {
        item_identifier: ItemIdentifier {
            topic_partition: partition.clone(),
            partition,
            offset: record.offset,
        },
    }
}

fn header((name, value): (String, HeaderValue)) -> (String, Vec<u8>) {
    let value = match value {
        // Both -61 and 195 are the byte C3.
        HeaderValue::Bytes(numbers) => numbers.into_iter().map(|number| number as u8).collect(),
        HeaderValue::Text(text) => bytes(text),
    };
    (name, value)
}

/// What base64 stands for. A text that is none stays as it is and will be found unreadable with its record.
fn bytes(text: String) -> Vec<u8> {
    STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes())
}
