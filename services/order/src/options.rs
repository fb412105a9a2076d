//! Settings, from the command line or the environment.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use service_common::database::DatabaseOptions;
use service_common::kafka::KafkaOptions;
use service_common::options::{CallOptions, TelemetryOptions};
use service_common::secret::MacKey;

/// Takes orders, has them paid, cancels and publishes them
#[derive(Clone, Debug, Parser)]
#[command(
    name = crate::NAME,
    version,
    after_help = "A further command, with its own --help:\n  order-service migrate"
)]
pub struct Options {
    /// Where gRPC is served; port 0 lets the system choose
    #[arg(
        long,
        env = "GRPC_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:50053"
    )]
    pub grpc_addr: SocketAddr,
    /// Where HTTP is served: health and readiness
    #[arg(
        long,
        env = "HTTP_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8003"
    )]
    pub http_addr: SocketAddr,
    /// The database
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// How Kafka is reached
    #[command(flatten)]
    pub kafka: KafkaOptions,
    /// The topic of the orders' events
    #[arg(
        long,
        env = "KAFKA_ORDERS_TOPIC",
        value_name = "TOPIC",
        default_value = "orders"
    )]
    pub topic: String,
    /// How long an order may stay unpaid: then it expires, and its stock is given back
    #[arg(long, env = "UNPAID_FOR", value_name = "DURATION", default_value = "15m", value_parser = service_common::duration::parse)]
    pub unpaid_for: Duration,
    /// How others are called
    #[command(flatten)]
    pub calls: CallOptions,
    /// Where documents are kept: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or the path of a folder; credentials come from the
    /// usual variables (`AWS_*`, `GOOGLE_*`)
    #[arg(long, env = "DOCUMENTS_URL", value_name = "URL")]
    pub documents: String,
    /// Who sells, as documents say it: name and address, in several lines
    #[arg(long, env = "SELLER", value_name = "TEXT", default_value = "The shop")]
    pub seller: String,
    /// The product service
    #[arg(
        long,
        env = "PRODUCT_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "product-service:50052"
    )]
    pub product_service: String,
    /// The payment service
    #[arg(
        long,
        env = "PAYMENT_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "payment-service:50054"
    )]
    pub payment_service: String,
    /// What fingerprints of requests are made with: at least 16 characters, the same for all instances
    #[arg(
        long,
        env = "IDEMPOTENCY_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub idempotency_secret: MacKey,
    /// A name of this instance that is the same after a restart: then its events need not wait for its own lease to run out.
    /// No two instances may share it
    #[arg(long, env = "RELAY_NAME", value_name = "NAME")]
    pub relay_name: Option<String>,
    /// How it is seen from outside
    #[command(flatten)]
    pub telemetry: TelemetryOptions,
}
