//! The service, put together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service_common::auth::Guard;
use service_common::client::{AddressError, Identity, Link};
use service_common::database::{Database, DatabaseError};
use service_common::metrics::Metrics;
use service_common::server::{
    GrpcOptions, Lifecycle, Ports, ServiceHealth, operations, serve_grpc, serve_http,
};
use tonic::service::Routes;
use weir_rpc::product::v1::product_service_server::{ProductServiceServer, SERVICE_NAME};

use crate::api::Api;
use crate::catalogue::Products;
use crate::options::Options;
use crate::{NAME, access, store};

/// How long running calls have when the service stops.
const DRAIN: Duration = Duration::from_secs(8);

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
    #[error("cannot serve: {0}")]
    Serve(String),
}

/// The running service.
pub struct ProductService {
    lifecycle: Lifecycle,
    database: Database,
    products: Products,
    grpc: SocketAddr,
    http: SocketAddr,
}

/// Starts the service on these ports.
///
/// # Errors
/// What keeps it from starting. The user service may be away: it waits for it.
pub async fn start(options: Options, ports: Ports, metrics: &Metrics) -> Result<ProductService, StartError> {
    let metrics = metrics.of(NAME);
    let lifecycle = Lifecycle::new();
    let database = Database::open(&options.database, store::OWNER, store::STEPS).await?;
    let identity = Identity::Service(options.service_token.reveal().into());
    let users = Link::to(&options.user_service, identity, options.call_timeout, &metrics)?;
    let guard = Guard::remote(users, &lifecycle);
    let products = Products::new(database.clone());

    let serve = |error: std::io::Error| StartError::Serve(error.to_string());
    let (grpc, http) = (
        ports.grpc.local_addr().map_err(serve)?,
        ports.http.local_addr().map_err(serve)?,
    );
    let health = ServiceHealth {
        database: database.clone(),
        guard: guard.clone(),
        metrics: metrics.clone(),
    };
    serve_http(
        ports.http,
        operations(Arc::new(health), &metrics, &lifecycle),
        &lifecycle,
    );
    let options = GrpcOptions {
        guard,
        access,
        metrics,
        services: &[SERVICE_NAME],
    };
    let routes = Routes::new(ProductServiceServer::new(Api(products.clone())));
    serve_grpc(ports.grpc, routes, options, &lifecycle)
        .await
        .map_err(|error| StartError::Serve(error.to_string()))?;
    Ok(ProductService {
        lifecycle,
        database,
        products,
        grpc,
        http,
    })
}

impl ProductService {
    /// Where gRPC is served.
    #[must_use]
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc
    }

    /// Where health and metrics are served.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// What it serves.
    #[must_use]
    pub fn products(&self) -> &Products {
        &self.products
    }

    /// Takes no new calls, lets the running ones end, and closes.
    pub async fn stop(self) {
        if !self.lifecycle.stop(DRAIN).await {
            tracing::warn!("some calls did not end in time and were given up");
        }
        self.database.close().await;
    }
}
