//! Settings, from the command line or the environment.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use service_common::database::DatabaseOptions;
use service_common::kafka::KafkaOptions;
use service_common::options::{CallOptions, TelemetryOptions};
use service_common::secret::MacKey;

use crate::stripe::StripeOptions;

/// Who takes the money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProviderKind {
    /// Nobody: what becomes of a payment is decided by its method
    #[default]
    Simulated,
    /// Stripe
    #[cfg(feature = "stripe")]
    Stripe,
}

/// Pays orders, once each, and gives payments back
#[derive(Clone, Debug, Parser)]
#[command(
    name = crate::NAME,
    version,
    after_help = "A further command, with its own --help:\n  payment-service migrate"
)]
pub struct Options {
    /// Where gRPC is served; port 0 lets the system choose
    #[arg(
        long,
        env = "GRPC_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:50054"
    )]
    pub grpc_addr: SocketAddr,
    /// Where HTTP is served: payments by REST, health, readiness and the simulated provider
    #[arg(
        long,
        env = "HTTP_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8004"
    )]
    pub http_addr: SocketAddr,
    /// The database
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// How Kafka is reached
    #[command(flatten)]
    pub kafka: KafkaOptions,
    /// The topic of what users are told
    #[arg(
        long,
        env = "KAFKA_NOTIFICATIONS_TOPIC",
        value_name = "TOPIC",
        default_value = "notifications"
    )]
    pub topic: String,
    /// How others are called
    #[command(flatten)]
    pub calls: CallOptions,
    /// The order service
    #[arg(
        long,
        env = "ORDER_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "order-service:50053"
    )]
    pub order_service: String,
    /// What fingerprints of requests are made with: at least 16 characters, the same for all instances
    #[arg(
        long,
        env = "IDEMPOTENCY_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub idempotency_secret: MacKey,
    /// The currency of amounts that come without one by REST
    #[arg(long, env = "CURRENCY", value_name = "CODE", default_value = "USD",
          value_parser = service_common::rest::parse_currency)]
    pub currency: String,
    /// How long a payer may take over an action that the provider wants before the payment is given up, from the moment at
    /// which it is wanted: the order is not left alone before
    #[arg(long, env = "PAYMENT_ACTION_TIME", value_name = "DURATION", default_value = "15m",
          value_parser = service_common::duration::parse)]
    pub action_time: Duration,
    /// How often a refund is tried before somebody must look at it
    #[arg(long, env = "REFUND_ATTEMPTS", value_name = "N", default_value_t = 12,
          value_parser = clap::value_parser!(u16).range(1..))]
    pub refund_attempts: u16,
    /// Who takes the money
    #[arg(
        long,
        env = "PAYMENT_PROVIDER",
        value_name = "PROVIDER",
        value_enum,
        default_value_t
    )]
    pub provider: ProviderKind,
    /// Stripe
    #[command(flatten)]
    pub stripe: StripeOptions,
    /// Where payers reach the simulated provider; without it `http://localhost` and the HTTP port
    #[arg(long, env = "SIMULATED_PROVIDER_URL", value_name = "URL")]
    pub simulated_url: Option<String>,
    /// How it is seen from outside
    #[command(flatten)]
    pub telemetry: TelemetryOptions,
}
