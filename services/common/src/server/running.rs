//! A service with its ports, from start to end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;

use super::grpc::{Grpc, serve_grpc};
use super::health::Health;
use super::http::{counted, operations, serve_http};
use super::lifecycle::Lifecycle;
use super::ports::{Addresses, Ports};
use crate::boxed::Boxed;
use crate::database::Database;
use crate::metrics::Metrics;

/// How long running calls have when a service stops.
const DRAIN: Duration = Duration::from_secs(8);

/// A port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The system says nothing about a port that was taken.
    #[error("cannot serve: {0}")]
    Port(#[from] std::io::Error),
    /// The descriptors of reflection are broken: a fault of the program.
    #[error("cannot serve gRPC: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// What a service serves on its ports.
pub struct Server {
    /// Its ports.
    pub ports: Ports,
    /// For `/ready`.
    pub health: Arc<dyn Health>,
    /// Its metrics.
    pub metrics: Metrics,
    /// Its calls, where it has any.
    pub grpc: Option<Grpc>,
    /// What its HTTP port serves beside metrics and probes.
    pub http: Option<Router>,
}

impl Server {
    /// Serves everything until the lifecycle ends. The requests of the HTTP port and the calls are counted.
    ///
    /// # Errors
    /// A port that cannot be served.
    pub fn start(self, lifecycle: Lifecycle) -> Boxed<'static, Result<Running, ServeError>> {
        Box::pin(async move {
            let addresses = self.ports.addresses()?;
            self.metrics.observed_by(&self.health);
            let operations = operations(self.health.clone(), &self.metrics, &lifecycle);
            if let Some(listener) = self.ports.metrics {
                serve_http(listener, operations.clone(), &lifecycle);
            }
            if let Some(listener) = self.ports.http {
                let router = operations.merge(self.http.unwrap_or_default());
                let router = counted(router, self.metrics.clone());
                serve_http(listener, router, &lifecycle);
            }
            if let (Some(listener), Some(grpc)) = (self.ports.grpc, self.grpc) {
                serve_grpc(listener, grpc, self.metrics, &lifecycle).await?;
            }
            Ok(Running::new(lifecycle, addresses, self.health))
        })
    }
}

/// A service that runs: where it is reached, and its end.
pub struct Running {
    lifecycle: Lifecycle,
    addresses: Addresses,
    /// Kept for those who look after its metrics.
    _health: Arc<dyn Health>,
    database: Option<Database>,
}

impl Running {
    /// One with these ports.
    #[must_use]
    pub fn new(lifecycle: Lifecycle, addresses: Addresses, health: Arc<dyn Health>) -> Running {
        Running {
            lifecycle,
            addresses,
            _health: health,
            database: None,
        }
    }

    /// The same, with a database to be closed at its end.
    #[must_use]
    pub fn with(self, database: Database) -> Running {
        Running {
            database: Some(database),
            ..self
        }
    }

    /// Where it is reached.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Takes no new calls and requests, lets the running ones end, and closes.
    pub fn stop(self) -> Boxed<'static, ()> {
        self.stop_by(Instant::now() + DRAIN)
    }

    /// The same; calls that run at that moment are given up.
    pub fn stop_by(self, until: Instant) -> Boxed<'static, ()> {
        Box::pin(async move {
            let patience = until.saturating_duration_since(Instant::now());
            if !self.lifecycle.stop(patience).await {
                tracing::warn!("some calls did not end in time and were given up");
            }
            if let Some(database) = self.database {
                database.close().await;
            }
        })
    }
}
