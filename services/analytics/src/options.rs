//! Settings, from the command line or the environment.

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use clap::{Parser, ValueEnum};
use service_common::auth::Access;
use service_common::kafka::KafkaOptions;
use service_common::options::{CallOptions, TelemetryOptions};

/// Shows the windows: the latest, ranges, sums, and each as it is published
#[derive(Clone, Debug, Parser)]
#[command(name = crate::NAME, version)]
pub struct Options {
    /// Where gRPC is served; port 0 lets the system choose
    #[arg(
        long,
        env = "GRPC_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:50055"
    )]
    pub grpc_addr: SocketAddr,
    /// Where HTTP is served: health, readiness and the windows
    #[arg(
        long,
        env = "HTTP_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8005"
    )]
    pub http_addr: SocketAddr,
    /// How Kafka is reached
    #[command(flatten)]
    pub kafka: KafkaOptions,
    /// The topic of the results
    #[arg(
        long,
        env = "KAFKA_RESULTS_TOPIC",
        value_name = "TOPIC",
        default_value = "analytics-results"
    )]
    pub topic: String,
    /// Who may see the windows
    #[arg(
        long,
        env = "ANALYTICS_AUDIENCE",
        value_name = "WHO",
        default_value = "everybody"
    )]
    pub audience: Audience,
    /// The most windows that are kept, 0.3 KB each: of more the oldest are dropped, and are in no page and no sum
    #[arg(long, env = "MAX_WINDOWS", value_name = "N", default_value = "100000")]
    pub max_windows: NonZeroUsize,
    /// The most results that a stream can go on from, 0.2 KB each
    #[arg(long, env = "MAX_EVENTS", value_name = "N", default_value = "10000")]
    pub max_events: NonZeroUsize,
    /// The most streams at a time; more are refused
    #[arg(long, env = "MAX_STREAMS", value_name = "N", default_value = "1024")]
    pub max_streams: NonZeroUsize,
    /// How others are called
    #[command(flatten)]
    pub calls: CallOptions,
    /// How it is seen from outside
    #[command(flatten)]
    pub telemetry: TelemetryOptions,
}

/// Who may see the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Audience {
    /// Every user with a token
    Everybody,
    /// Admins only
    Admins,
}

impl Audience {
    /// What callers must be.
    pub(crate) fn access(self) -> Access {
        match self {
            Audience::Everybody => Access::Caller,
            Audience::Admins => Access::Trusted,
        }
    }
}
