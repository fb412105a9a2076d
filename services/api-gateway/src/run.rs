//! The gateway, put together.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use service_common::auth::Guard;
use service_common::boxed::Boxed;
use service_common::client::{AddressError, Identity, Link};
use service_common::metrics::Metrics;
use service_common::program;
use service_common::server::{
    ConnectionLimits, Health, Lifecycle, Ports, Running, listen, operations, serve_http, serve_http_within,
};

use crate::gateway::Shared;
use crate::options::Options;
use crate::readiness::Readiness;
use crate::{NAME, edge};

/// How long the user service may take to tell keys and sessions.
const GUARD_TIMEOUT: Duration = Duration::from_secs(3);

/// The gateway cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A service's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Its port.
    #[error("cannot serve: {0}")]
    Serve(#[from] std::io::Error),
}

/// The running gateway.
pub struct Gateway {
    /// Where it is reached, and its end.
    pub running: Running,
}

/// Runs the gateway as a process of its own, until SIGTERM or SIGINT.
#[must_use]
pub fn run(options: Options) -> ExitCode {
    program::serve(NAME, options.telemetry.clone(), |metrics, port| async move {
        let ports = Ports {
            grpc: None,
            http: Some(listen("--http-addr", options.http_addr).await?),
            metrics: Some(port),
        };
        Ok(start(options, ports, &metrics).await?.running)
    })
}

/// Starts the gateway on these ports.
///
/// # Errors
/// What keeps it from starting. The services may be away: until they are there it is not ready, and answers 503.
pub fn start(options: Options, ports: Ports, metrics: &Metrics) -> Boxed<'_, Result<Gateway, StartError>> {
    Box::pin(async move {
        let metrics = metrics.of(NAME);
        let lifecycle = Lifecycle::new();
        let identity = Identity::Service(options.service_token.reveal().into());
        let link = Link::to(&options.user_service, identity, GUARD_TIMEOUT, &metrics)?;
        let guard = Guard::remote(link, &lifecycle);
        let limits = ConnectionLimits {
            at_a_time: options.limits.max_connections.get() as usize,
            head_timeout: options.patience.head_timeout,
        };
        let addresses = ports.addresses()?;
        let shared = Shared::new(options, guard, metrics.clone(), lifecycle.stopping())?;
        lifecycle.spawn(edge::forget_the_quiet(Arc::clone(&shared), lifecycle.stopping()));
        let health: Arc<dyn Health> = Arc::new(Readiness::new(Arc::clone(&shared)));
        metrics.observed_by(&health);
        let operations = operations(Arc::clone(&health), &metrics, &lifecycle);
        if let Some(listener) = ports.metrics {
            serve_http(listener, operations.clone(), &lifecycle);
        }
        if let Some(listener) = ports.http {
            serve_http_within(listener, edge::router(shared, operations), limits, &lifecycle);
        }
        Ok(Gateway {
            running: Running::new(lifecycle, addresses, health),
        })
    })
}
