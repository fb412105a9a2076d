//! The service, put together.

use std::process::ExitCode;
use std::sync::Arc;

use service_common::auth::Guard;
use service_common::boxed::Boxed;
use service_common::client::AddressError;
use service_common::database::{Database, DatabaseError};
use service_common::files::{Files, PlaceError};
use service_common::metrics::Metrics;
use service_common::program;
use service_common::server::{Grpc, Lifecycle, Ports, Running, ServeError, Server, ServiceHealth, listen};
use tonic::service::Routes;
use weir_rpc::product::v1::product_service_server::{ProductServiceServer, SERVICE_NAME};

use crate::api::Api;
use crate::catalogue::Products;
use crate::images::Images;
use crate::options::Options;
use crate::picture::LARGEST_UPLOAD;
use crate::{NAME, access, rest, store};

/// What a message holds beside a picture, in bytes: an id.
const BESIDE: usize = 1_024;

/// The service cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The store of its pictures.
    #[error("--images: {0}")]
    Images(#[from] PlaceError),
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
    images: Images,
}

/// Runs the service as a process of its own, until SIGTERM or SIGINT.
#[must_use]
pub fn run(options: Options) -> ExitCode {
    program::serve(NAME, options.telemetry.clone(), |metrics, port| async move {
        let ports = Ports {
            grpc: Some(listen("--grpc-addr", options.grpc_addr).await?),
            http: Some(listen("--http-addr", options.http_addr).await?),
            metrics: Some(port),
        };
        Ok(start(options, ports, &metrics).await?.running)
    })
}

/// Starts the service on these ports.
///
/// # Errors
/// What keeps it from starting. The user service may be away: it waits for it.
pub fn start(
    options: Options,
    ports: Ports,
    metrics: &Metrics,
) -> Boxed<'_, Result<ProductService, StartError>> {
    Box::pin(async move {
        let metrics = metrics.of(NAME);
        let lifecycle = Lifecycle::new();
        let database = Database::open(&options.database, store::OWNER, store::STEPS)
            .await?
            .measured(&metrics);
        let guard = Guard::remote(options.calls.users(&metrics)?, &lifecycle);
        let products = Products::new(database.clone());
        let images = Images::new(database.clone(), Files::open(&options.images)?);
        lifecycle.spawn(images.clone().sweep(lifecycle.stopping()));

        let health = ServiceHealth {
            database: database.clone(),
            guard: guard.clone(),
            metrics: metrics.clone(),
        };
        let api = Api {
            products: products.clone(),
            images: images.clone(),
        };
        let http = rest::router(&api, guard.clone());
        let server = Server {
            ports,
            health: Arc::new(health),
            metrics,
            grpc: Some(Grpc {
                routes: Routes::new(
                    ProductServiceServer::new(api).max_decoding_message_size(LARGEST_UPLOAD + BESIDE),
                ),
                guard,
                access,
                services: &[SERVICE_NAME],
            }),
            http: Some(http),
        };
        Ok(ProductService {
            running: server.start(lifecycle).await?.with(database),
            products,
            images,
        })
    })
}

impl ProductService {
    /// What it serves.
    #[must_use]
    pub fn products(&self) -> &Products {
        &self.products
    }

    /// Their pictures.
    #[must_use]
    pub fn images(&self) -> &Images {
        &self.images
    }
}
