//! Whether a service can do its work.

use std::future::Future;
use std::pin::Pin;

use crate::auth::Guard;
use crate::database::Database;
use crate::metrics::Metrics;

/// Whether a service can do its work now: what it needs and cannot do without.
pub trait Health: Send + Sync + 'static {
    /// Nothing is missing; otherwise what is, in a word that may be shown.
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;

    /// Brings the gauges up to date, before they are read.
    fn observe(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

/// The health of a service with a database: it must answer, and tokens must be verifiable.
pub struct ServiceHealth {
    /// Its database.
    pub database: Database,
    /// Who guards its ports.
    pub guard: Guard,
    /// Of the service.
    pub metrics: Metrics,
}

impl Health for ServiceHealth {
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            self.database.ping().await.map_err(|_| "database".to_owned())?;
            match self.guard.is_ready() {
                true => Ok(()),
                false => Err("keys of access tokens".to_owned()),
            }
        })
    }

    fn observe(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let (open, idle) = self.database.connections();
            self.metrics.pool(open, idle);
        })
    }
}
