//! The gateway, put together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service_common::auth::Guard;
use service_common::client::{AddressError, Identity, Link};
use service_common::metrics::Metrics;
use service_common::server::{ConnectionLimits, Lifecycle, operations, serve_http, serve_http_within};
use tokio::net::TcpListener;

use crate::gateway::Shared;
use crate::options::Options;
use crate::readiness::Readiness;
use crate::{NAME, edge};

/// How long running requests have when the gateway stops.
const DRAIN: Duration = Duration::from_secs(8);
/// How long the user service may take to tell keys and sessions.
const GUARD_TIMEOUT: Duration = Duration::from_secs(3);

/// The ports of the gateway, taken.
#[derive(Debug)]
pub struct Ports {
    /// For REST.
    pub http: TcpListener,
    /// For metrics and probes; `None` where another part of the process serves them.
    pub metrics: Option<TcpListener>,
}

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
    lifecycle: Lifecycle,
    http: SocketAddr,
    metrics: Option<SocketAddr>,
}

/// Starts the gateway on these ports.
///
/// # Errors
/// What keeps it from starting. The services may be away: until they are there it is not ready, and answers 503.
pub async fn start(options: Options, ports: Ports, metrics: &Metrics) -> Result<Gateway, StartError> {
    let metrics = metrics.of(NAME);
    let lifecycle = Lifecycle::new();
    let identity = Identity::Service(options.service_token.reveal().into());
    let link = Link::to(&options.user_service, identity, GUARD_TIMEOUT, &metrics)?;
    let guard = Guard::remote(link, &lifecycle);
    let limits = ConnectionLimits {
        at_a_time: options.limits.max_connections.get() as usize,
        head_timeout: options.patience.head_timeout,
    };
    let http = ports.http.local_addr()?;
    let metrics_addr = ports.metrics.as_ref().map(TcpListener::local_addr).transpose()?;

    let shared = Shared::new(options, guard, metrics.clone())?;
    lifecycle.spawn(edge::forget_the_quiet(Arc::clone(&shared), lifecycle.stopping()));
    let operations = operations(
        Arc::new(Readiness::new(Arc::clone(&shared))),
        &metrics,
        &lifecycle,
    );
    if let Some(listener) = ports.metrics {
        serve_http(listener, operations.clone(), &lifecycle);
    }
    serve_http_within(ports.http, edge::router(shared, operations), limits, &lifecycle);
    Ok(Gateway {
        lifecycle,
        http,
        metrics: metrics_addr,
    })
}

impl Gateway {
    /// Where REST is served.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where metrics are served as well.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Takes no new requests and lets the running ones end.
    pub async fn stop(self) {
        if !self.lifecycle.stop(DRAIN).await {
            tracing::warn!("some requests did not end in time and were given up");
        }
    }
}
