//! The service, put together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service_common::auth::Guard;
use service_common::client::{AddressError, Identity, Link};
use service_common::database::{Database, DatabaseError};
use service_common::metrics::Metrics;
use service_common::outbox::{Outbox, Publisher, PublisherError, Relay, RelayOptions};
use service_common::server::{
    GrpcOptions, Lifecycle, Ports, ServiceHealth, operations, serve_grpc, serve_http,
};
use tonic::service::Routes;
use weir_kafka::Connection;
use weir_rpc::payment::v1::payment_service_server::{PaymentServiceServer, SERVICE_NAME};

use crate::api::Api;
use crate::desk::RemoteDesk;
use crate::options::Options;
use crate::payments::{Needs, Payments, Rules};
use crate::simulated::{self, Simulated};
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
    /// Kafka.
    #[error(transparent)]
    Publisher(#[from] PublisherError),
    /// Its ports.
    #[error("cannot serve: {0}")]
    Serve(String),
}

/// The running service.
pub struct PaymentService {
    lifecycle: Lifecycle,
    database: Database,
    grpc: SocketAddr,
    http: SocketAddr,
}

/// Starts the service on these ports.
///
/// # Errors
/// What keeps it from starting. Kafka and other services may be away: it waits for them.
pub async fn start(options: Options, ports: Ports, metrics: &Metrics) -> Result<PaymentService, StartError> {
    let metrics = metrics.of(NAME);
    let lifecycle = Lifecycle::new();
    let database = Database::open(&options.database, store::OWNER, store::STEPS).await?;
    let outbox = Outbox::new();
    let identity = Identity::Service(options.service_token.reveal().into());
    let link = |address: &str| Link::to(address, identity.clone(), options.call_timeout, &metrics);
    let guard = Guard::remote(link(&options.user_service)?, &lifecycle);
    let serve = |error: std::io::Error| StartError::Serve(error.to_string());
    let (grpc, http) = (
        ports.grpc.local_addr().map_err(serve)?,
        ports.http.local_addr().map_err(serve)?,
    );
    let simulated_url = options.simulated_url.clone();
    let simulated_url = simulated_url.unwrap_or_else(|| format!("http://localhost:{}", http.port()));
    let provider = Simulated::new(database.clone(), &simulated_url);
    let payments = Payments::new(Needs {
        database: database.clone(),
        outbox: outbox.clone(),
        desk: Box::new(RemoteDesk::new(link(&options.order_service)?)),
        provider: Box::new(provider.clone()),
        secret: options.idempotency_secret.clone(),
        rules: Rules {
            topic: options.topic.clone(),
            action_time: options.action_time,
            refund_attempts: options.refund_attempts,
            ..Rules::default()
        },
        metrics: metrics.clone(),
        lifecycle: lifecycle.clone(),
    });
    let publisher = Publisher::new(&Connection::new(options.kafka.clone()))?;
    let relay = Relay::new(
        database.clone(),
        outbox,
        publisher,
        metrics.clone(),
        RelayOptions::default(),
    );
    lifecycle.spawn(relay.run(lifecycle.stopping()));
    lifecycle.spawn(payments.clone().attend(lifecycle.stopping()));

    let health = ServiceHealth {
        database: database.clone(),
        guard: guard.clone(),
        metrics: metrics.clone(),
    };
    let router = operations(Arc::new(health), &metrics, &lifecycle);
    let router = router.merge(simulated::routes(provider, payments.clone()));
    serve_http(ports.http, router, &lifecycle);
    let options = GrpcOptions {
        guard,
        access,
        metrics,
        services: &[SERVICE_NAME],
    };
    let routes = Routes::new(PaymentServiceServer::new(Api(payments)));
    serve_grpc(ports.grpc, routes, options, &lifecycle)
        .await
        .map_err(|error| StartError::Serve(error.to_string()))?;
    Ok(PaymentService {
        lifecycle,
        database,
        grpc,
        http,
    })
}

impl PaymentService {
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

    /// Takes no new calls, lets the running ones end, and closes.
    pub async fn stop(self) {
        if !self.lifecycle.stop(DRAIN).await {
            tracing::warn!("some calls did not end in time and were given up");
        }
        self.database.close().await;
    }
}
