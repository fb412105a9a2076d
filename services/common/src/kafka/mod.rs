//! How a service reaches Kafka.

mod options;
mod runtime;

pub use options::{KafkaOptions, KafkaProperties, PropertyError};
pub use runtime::Tokio;
