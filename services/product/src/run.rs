//! The service, put together.

use std::sync::Arc;

use service_common::auth::Guard;
use service_common::client::AddressError;
use service_common::database::{Database, DatabaseError};
use service_common::metrics::Metrics;
use service_common::server::{Grpc, Lifecycle, Ports, Running, ServeError, Server, ServiceHealth};
use tonic::service::Routes;
use weir_rpc::product::v1::product_service_server::{ProductServiceServer, SERVICE_NAME};

use crate::api::Api;
use crate::catalogue::Products;
use crate::options::Options;
use crate::{NAME, access, store};

/// The service cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Another service's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Its ports.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// The running service.
pub struct ProductService {
    /// Where it is reached, and its end.
    pub running: Running,
    products: Products,
}

/// Starts the service on these ports.
///
/// # Errors
/// What keeps it from starting. The user service may be away: it waits for it.
pub async fn start(options: Options, ports: Ports, metrics: &Metrics) -> Result<ProductService, StartError> {
    let metrics = metrics.of(NAME);
    let lifecycle = Lifecycle::new();
    let database = Database::open(&options.database, store::OWNER, store::STEPS).await?;
    let guard = Guard::remote(options.calls.users(&metrics)?, &lifecycle);
    let products = Products::new(database.clone());

    let health = ServiceHealth {
        database: database.clone(),
        guard: guard.clone(),
        metrics: metrics.clone(),
    };
    let server = Server {
        ports,
        health: Arc::new(health),
        metrics,
        grpc: Some(Grpc {
            routes: Routes::new(ProductServiceServer::new(Api(products.clone()))),
            guard,
            access,
            services: &[SERVICE_NAME],
        }),
        http: None,
    };
    Ok(ProductService {
        running: server.start(lifecycle).await?.with(database),
        products,
    })
}

impl ProductService {
    /// What it serves.
    #[must_use]
    pub fn products(&self) -> &Products {
        &self.products
    }
}
