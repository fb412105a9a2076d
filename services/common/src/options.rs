//! Settings that more than one service has, from the command line or the environment.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::client::{AddressError, Identity, Link};
use crate::metrics::Metrics;
use crate::secret::SecretText;

/// How a service is seen from outside.
#[derive(Clone, Debug, Args)]
pub struct TelemetryOptions {
    /// Where metrics, health and readiness are served; port 0 lets the system choose
    #[arg(
        long,
        env = "METRICS_ADDR",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:9090"
    )]
    pub metrics_addr: SocketAddr,
    /// What is logged: `info`, or `info,service_common=debug`
    #[arg(long, env = "LOG_LEVEL", value_name = "FILTER", default_value = "info")]
    pub log_level: String,
    /// The collector that spans are exported to by OTLP/gRPC: `http://collector:4317`. Needs a build with the feature `otlp`
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

/// How a service calls others, and knows who calls it.
#[derive(Clone, Debug, Args)]
pub struct CallOptions {
    /// Whom, and how long it waits
    #[command(flatten)]
    pub upstream: UpstreamOptions,
    /// The token that this service shows to others
    #[arg(long, env = "SERVICE_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub service_token: SecretText,
}

impl CallOptions {
    /// A way to the service at this address, as this service itself.
    ///
    /// # Errors
    /// It is no address.
    pub fn link(&self, address: &str, metrics: &Metrics) -> Result<Link, AddressError> {
        self.upstream.link(address, &self.service_token, metrics)
    }

    /// The way to the user service.
    ///
    /// # Errors
    /// Its address is none.
    pub fn users(&self, metrics: &Metrics) -> Result<Link, AddressError> {
        self.upstream.users(&self.service_token, metrics)
    }
}

/// The service that all others call, and how long a call may take.
#[derive(Clone, Debug, Args)]
pub struct UpstreamOptions {
    /// The user service
    #[arg(
        long,
        env = "USER_SERVICE_HOST",
        value_name = "HOST:PORT",
        default_value = "user-service:50051"
    )]
    pub user_service: String,
    /// How long a call to another service may take
    #[arg(long, env = "CALL_TIMEOUT", value_name = "DURATION", default_value = "3s",
          value_parser = crate::duration::parse)]
    pub call_timeout: Duration,
}

impl UpstreamOptions {
    /// The way to the user service, for the service that this token is of.
    ///
    /// # Errors
    /// Its address is none.
    pub fn users(&self, token: &SecretText, metrics: &Metrics) -> Result<Link, AddressError> {
        self.link(&self.user_service, token, metrics)
    }

    fn link(&self, address: &str, token: &SecretText, metrics: &Metrics) -> Result<Link, AddressError> {
        let identity = Identity::Service(token.reveal().into());
        Link::to(address, identity, self.call_timeout, metrics)
    }
}
