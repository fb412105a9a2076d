//! Settings, from the command line or the environment.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use weir_kafka::{Auth, Connection};

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
    #[arg(
        long,
        env = "KAFKA_PROPERTIES",
        value_name = "LINES",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub kafka_properties: KafkaProperties,
}

/// Properties by their librdkafka names, written as `name=value`, one a line. `Debug` does not show them, as they may hold a
/// secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KafkaProperties(Vec<(String, String)>);

/// A line of the properties is none. It is not quoted, as it may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} must be written as name=value")]
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
            kafka_properties: KafkaProperties::default(),
        }
    }

    /// How clients of Kafka are made.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection {
            bootstrap_servers: self.kafka.clone(),
            properties: self.kafka_properties.0.clone(),
            auth: self.kafka_auth,
        }
    }
}

impl FromStr for KafkaProperties {
    type Err = PropertyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut properties = Vec::new();
        for (index, line) in text.lines().enumerate() {
            match line.split_once('=') {
                Some((name, value)) => properties.push((name.trim().to_owned(), value.trim().to_owned())),
                None if line.trim().is_empty() => {}
                None => return Err(PropertyError { line: index + 1 }),
            }
        }
        Ok(Self(properties))
    }
}

impl fmt::Debug for KafkaProperties {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_lines() {
        let text = "\nsecurity.protocol = SASL_SSL\r\n  \nsasl.password=a=b\n";
        let expected = [("security.protocol", "SASL_SSL"), ("sasl.password", "a=b")];
        let options = KafkaOptions {
            kafka_properties: text.parse().unwrap(),
            ..KafkaOptions::open("b:1")
        };
        assert_eq!(
            options.connection().properties,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert!(!format!("{options:?}").contains("a=b"), "{options:?}");
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_shown() {
        let fault = "a=b\nhunter2".parse::<KafkaProperties>().unwrap_err();
        assert_eq!(fault, PropertyError { line: 2 });
        assert!(!fault.to_string().contains("hunter2"), "{fault}");
    }
}
