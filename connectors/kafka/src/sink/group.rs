//! The metadata of a consumer group that nobody has joined.

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;

use super::SinkError;
use crate::client::{LetGo, Silence};
use crate::connection::ConnectionError;

/// librdkafka's wrapper gives it only through a consumer; one without brokers is enough and connects to nothing.
pub(super) fn metadata(group_id: &str) -> Result<ConsumerGroupMetadata, SinkError> {
    let mut config = ClientConfig::new();
    config.set("group.id", group_id);
    let consumer: BaseConsumer<Quiet> = config
        .create_with_context(Quiet)
        .map_err(ConnectionError::from_kafka)?;
    LetGo::new(consumer)
        .group_metadata()
        .ok_or_else(|| SinkError::Fatal(format!("group id `{group_id}` is not usable")))
}

/// A client that says nothing: having no brokers is not worth a log line.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

impl Silence for BaseConsumer<Quiet> {
    fn silence(&self) {}
}
