//! Settings, from the command line or the environment.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use service_common::database::DatabaseOptions;
use service_common::secret::SecretText;

/// Keeps the catalogue and the stock
#[derive(Clone, Debug, Parser)]
#[command(name = crate::NAME, version)]
pub struct Options {
    /// Where gRPC is served; port 0 lets the system choose
    #[arg(
        long,
        env = "GRPC_ADDR",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:50052"
    )]
    pub grpc_addr: SocketAddr,
    /// Where health, readiness and metrics are served
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
    /// The user service
    #[arg(
        long,
        env = "USER_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "user-service:50051"
    )]
    pub user_service: String,
    /// The token that this service shows to others
    #[arg(long, env = "SERVICE_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub service_token: SecretText,
    /// How long a call to another service may take
    #[arg(long, env = "CALL_TIMEOUT", value_name = "DURATION", default_value = "3s",
          value_parser = service_common::duration::parse)]
    pub call_timeout: Duration,
    /// What is logged: `info`, `info,product_service=debug`
    #[arg(long, env = "LOG_LEVEL", value_name = "FILTER", default_value = "info")]
    pub log_level: String,
}
