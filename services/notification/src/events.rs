//! What this service's clients of Kafka are told by librdkafka, and ask of us.

use std::error::Error;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use weir_kafka::{Auth, ConnectionError};

/// A client of Kafka cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// How Kafka is reached does not fit together.
    #[error("cannot reach Kafka: {0}")]
    Connection(#[from] ConnectionError),
    /// librdkafka refuses.
    #[error("cannot make a client of Kafka: {0}")]
    Client(#[from] KafkaError),
}

/// Tells what librdkafka has to say.
pub struct Events(pub Auth);

impl ClientContext for Events {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.0.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        weir_kafka::note("notification", level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "trouble with Kafka");
    }
}

impl ConsumerContext for Events {}
