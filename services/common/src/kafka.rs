//! How a service reaches Kafka, from the command line or the environment.

use clap::Args;
use weir_kafka::{Auth, Connection};

use crate::secret::SecretText;

/// How Kafka is reached.
#[derive(Clone, Debug, Args)]
pub struct KafkaOptions {
    /// Some brokers of the Kafka cluster
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "HOST:PORT,...")]
    pub kafka: String,
    /// How the brokers are shown who this is: `properties`, as the properties say, or `msk-iam`, to Amazon MSK by the AWS
    /// identity of the process; that needs a build with the feature `msk-iam`
    #[arg(
        long,
        env = "KAFKA_AUTH",
        value_name = "WAY",
        default_value_t = Auth::Properties
    )]
    pub kafka_auth: Auth,
    /// What librdkafka is told beside the address, `name=value`, one a line: `security.protocol=SASL_SSL`, ...; TLS needs a
    /// build with the feature `ssl`
    // As a secret, whose faults clap does not quote.
    #[arg(
        long,
        env = "KAFKA_PROPERTIES",
        value_name = "LINES",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub kafka_properties: SecretText,
}

/// A line of the properties is none. It is not quoted, as it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--kafka-properties: line {line} must be written as name=value")]
pub struct PropertyError {
    /// Which one, counted from 1.
    pub line: usize,
}

impl KafkaOptions {
    /// A cluster that takes anybody.
    pub fn open(bootstrap_servers: impl Into<String>) -> KafkaOptions {
        KafkaOptions {
            kafka: bootstrap_servers.into(),
            kafka_auth: Auth::Properties,
            kafka_properties: String::new().into(),
        }
    }

    /// How clients of Kafka are made.
    ///
    /// # Errors
    /// A line of the properties is none.
    pub fn connection(&self) -> Result<Connection, PropertyError> {
        let mut properties = Vec::new();
        for (index, line) in self.kafka_properties.reveal().lines().enumerate() {
            match line.split_once('=') {
                Some((name, value)) => properties.push((name.trim().to_owned(), value.trim().to_owned())),
                None if line.trim().is_empty() => {}
                None => return Err(PropertyError { line: index + 1 }),
            }
        }
        Ok(Connection {
            bootstrap_servers: self.kafka.clone(),
            properties,
            auth: self.kafka_auth,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &str) -> KafkaOptions {
        KafkaOptions {
            kafka_properties: properties.to_owned().into(),
            ..KafkaOptions::open("b:1")
        }
    }

    #[test]
    fn properties_are_lines() {
        let connection = with("\nsecurity.protocol = SASL_SSL\r\n  \nsasl.password=a=b\n").connection();
        let expected = [("security.protocol", "SASL_SSL"), ("sasl.password", "a=b")];
        assert_eq!(
            connection.unwrap().properties,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_shown() {
        let fault = with("a=b\nhunter2").connection().unwrap_err().to_string();
        assert!(fault.contains("line 2") && !fault.contains("hunter2"), "{fault}");
        assert!(!format!("{:?}", with("sasl.password=hunter2")).contains("hunter2"));
    }
}
