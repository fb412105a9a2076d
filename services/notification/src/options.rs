//! Settings, from the command line or the environment.

use std::time::Duration;

use clap::{Args, Parser};
use service_common::duration;
use service_common::kafka::KafkaOptions;
use service_common::options::{CallOptions, TelemetryOptions};

use crate::claims::{ClaimsUrl, Terms};
use crate::record::Source;
use crate::sender::SenderUrl;

/// Tells users of their orders, payments and accounts
#[derive(Clone, Debug, Parser)]
#[command(name = crate::NAME, version)]
pub struct Options {
    /// Who is told, and how
    #[command(flatten)]
    pub desk: DeskOptions,
    /// How others are called
    #[command(flatten)]
    pub calls: CallOptions,
    /// The consumer group: its members share the records
    #[arg(
        long,
        env = "KAFKA_GROUP",
        value_name = "NAME",
        default_value = "notification-service"
    )]
    pub group: String,
    /// How it is seen from outside
    #[command(flatten)]
    pub telemetry: TelemetryOptions,
}

/// What both ways of running have: by themselves, and on Lambda.
#[derive(Clone, Debug, Args)]
pub struct DeskOptions {
    /// How Kafka is reached
    #[command(flatten)]
    pub kafka: KafkaOptions,
    /// The topics
    #[command(flatten)]
    pub topics: Topics,
    /// Where it is kept what was sent: `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/NAME`, or `dynamodb://REGION` (the table
    /// ecommerce-notifications; further `?endpoint=URL` and `&prefix=TEXT` in place of `ecommerce-`)
    #[arg(long, env = "CLAIMS_URL", value_name = "URL", hide_env_values = true)]
    pub claims: ClaimsUrl,
    /// Where messages go: a folder, or the ARN of an SNS topic
    #[arg(long, env = "SEND_TO", value_name = "FOLDER|ARN")]
    pub send_to: SenderUrl,
    /// How long whoever is about to send a message has for it before another may
    #[arg(long, env = "CLAIM_LEASE", value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    pub claim_lease: Duration,
    /// How long is known what was sent; longer than the topics keep their records
    #[arg(long, env = "CLAIMS_FOR", value_name = "DURATION", default_value = "30d", value_parser = duration::parse)]
    pub claims_for: Duration,
}

impl DeskOptions {
    /// How long claims last.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            lease: self.claim_lease,
            kept_for: self.claims_for,
        }
    }
}

/// What the topics are called.
#[derive(Clone, Debug, Args)]
pub struct Topics {
    /// The topic of the orders' events
    #[arg(
        id = "orders_topic",
        long = "orders-topic",
        env = "KAFKA_ORDERS_TOPIC",
        value_name = "TOPIC",
        default_value = "orders"
    )]
    pub orders: String,
    /// The topic of what users are to be told
    #[arg(
        id = "notifications_topic",
        long = "notifications-topic",
        env = "KAFKA_NOTIFICATIONS_TOPIC",
        value_name = "TOPIC",
        default_value = "notifications"
    )]
    pub notifications: String,
    /// The topic for what will never be understood
    #[arg(
        id = "dlq_topic",
        long = "dlq-topic",
        env = "KAFKA_NOTIFICATIONS_DLQ_TOPIC",
        value_name = "TOPIC",
        default_value = "notifications-dlq"
    )]
    pub dead_letters: String,
}

impl Topics {
    /// What a topic is about, if it is one of the two.
    #[must_use]
    pub fn source(&self, topic: &str) -> Option<Source> {
        match topic {
            _ if topic == self.orders => Some(Source::Orders),
            _ if topic == self.notifications => Some(Source::Notifications),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_command_line_are_those_of_the_code_and_no_secret_is_shown() {
        let options = Options::try_parse_from([
            "notification-service",
            "--kafka=localhost:9092",
            "--claims=postgres://u:a-secret@h/d",
            "--send-to=outbox",
            "--service-token=a-secret",
        ])
        .unwrap();
        assert_eq!(
            format!("{:?}", options.desk.terms()),
            format!("{:?}", Terms::default())
        );
        assert!(!format!("{options:?}").contains("a-secret"), "{options:?}");
        assert_eq!(options.desk.topics.source("orders"), Some(Source::Orders));
        assert_eq!(options.desk.topics.source("orders-dlq"), None);
    }
}
