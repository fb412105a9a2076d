//! Settings, from the command line or the environment.

use std::net::SocketAddr;

use clap::Parser;
use service_common::database::DatabaseOptions;
use service_common::options::{CallOptions, TelemetryOptions};

/// Keeps the catalogue and the stock
#[derive(Clone, Debug, Parser)]
#[command(
    name = crate::NAME,
    version,
    after_help = "A further command, with its own --help:\n  product-service migrate"
)]
pub struct Options {
    /// Where gRPC is served; port 0 lets the system choose
    #[arg(
        long,
        env = "GRPC_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:50052"
    )]
    pub grpc_addr: SocketAddr,
    /// Where HTTP is served: health and readiness
    #[arg(
        long,
        env = "HTTP_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8001"
    )]
    pub http_addr: SocketAddr,
    /// The database
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// Where pictures are kept: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or the path of a folder; credentials come from the
    /// usual variables (`AWS_*`, `GOOGLE_*`)
    #[arg(long, env = "IMAGES_URL", value_name = "URL")]
    pub images: String,
    /// How others are called
    #[command(flatten)]
    pub calls: CallOptions,
    /// How it is seen from outside
    #[command(flatten)]
    pub telemetry: TelemetryOptions,
}
