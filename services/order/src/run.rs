//! The service, put together.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use service_common::auth::Guard;
use service_common::boxed::Boxed;
use service_common::client::AddressError;
use service_common::database::{Database, DatabaseError};
use service_common::files::{Files, PlaceError};
use service_common::metrics::Metrics;
use service_common::outbox::{self, Outbox, Publisher, Relay, RelayOptions};
use service_common::program;
use service_common::server::{
    Grpc, Health, Lifecycle, Ports, Running, ServeError, Server, ServiceHealth, listen,
};
use tonic::service::Routes;
use weir_kafka::ConnectionError;
use weir_rpc::order::v1::order_service_server::{OrderServiceServer, SERVICE_NAME};

use crate::api::Api;
use crate::document::Documents;
use crate::options::Options;
use crate::orders::{Needs, Orders, Rules};
use crate::remote::{RemoteCashier, RemoteWarehouse};
use crate::{NAME, access, rest, store};

/// The service cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The store of its documents.
    #[error("--documents: {0}")]
    Documents(#[from] PlaceError),
    /// Another service's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// How Kafka is reached.
    #[error("Kafka: {0}")]
    Kafka(#[from] ConnectionError),
    /// Its ports.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// The running service.
pub struct OrderService {
    /// Where it is reached, and its end.
    pub running: Running,
    database: Database,
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
/// What keeps it from starting. Kafka and other services may be away: it waits for them.
pub fn start(
    options: Options,
    ports: Ports,
    metrics: &Metrics,
) -> Boxed<'_, Result<OrderService, StartError>> {
    Box::pin(async move {
        let metrics = metrics.of(NAME);
        metrics.orders_may_come();
        let lifecycle = Lifecycle::new();
        let database = Database::open(&options.database, store::OWNER, store::STEPS)
            .await?
            .measured(&metrics);
        let outbox = Outbox::new();
        let link = |address: &str| options.calls.link(address, &metrics);
        let guard = Guard::remote(options.calls.users(&metrics)?, &lifecycle);
        let orders = Orders::new(Needs {
            database: database.clone(),
            outbox: outbox.clone(),
            warehouse: Box::new(RemoteWarehouse::new(link(&options.product_service)?)),
            cashier: Box::new(RemoteCashier::new(link(&options.payment_service)?)),
            secret: options.idempotency_secret.clone(),
            rules: Rules {
                topic: options.topic.clone(),
                unpaid: options.unpaid_for,
                ..Rules::default()
            },
            metrics: metrics.clone(),
            lifecycle: lifecycle.clone(),
        });
        let files = Files::open(&options.documents)?;
        let documents = Documents::new(database.clone(), files, options.seller.clone());
        let publisher = Publisher::new(&options.kafka.connection())?;
        let relay_options = RelayOptions {
            name: options.relay_name.clone(),
            ..RelayOptions::default()
        };
        let relay = Relay::new(
            database.clone(),
            outbox,
            publisher,
            metrics.clone(),
            relay_options,
        );
        lifecycle.spawn(relay.run(lifecycle.stopping()));
        lifecycle.spawn(orders.clone().attend(lifecycle.stopping()));

        let health = OrderHealth(ServiceHealth {
            database: database.clone(),
            guard: guard.clone(),
            metrics: metrics.clone(),
        });
        let api = Api { orders, documents };
        let http = rest::router(&api, guard.clone());
        let server = Server {
            ports,
            health: Arc::new(health),
            metrics,
            grpc: Some(Grpc {
                routes: Routes::new(OrderServiceServer::new(api)),
                guard,
                access,
                services: &[SERVICE_NAME],
            }),
            http: Some(http),
        };
        Ok(OrderService {
            running: server.start(lifecycle).await?.with(database.clone()),
            database,
        })
    })
}

impl OrderService {
    /// Waits until no event waits to be published, or until that moment: Kafka may be away.
    pub async fn publish_all_by(&self, until: Instant) {
        let all = async {
            while !matches!(outbox::depth(&self.database).await, Ok((0, _))) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout_at(until.into(), all).await.is_err() {
            tracing::warn!("some events wait to be published; they are at the next start");
        }
    }
}

/// What all services look at, and how many orders are under way.
struct OrderHealth(ServiceHealth);

impl Health for OrderHealth {
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        self.0.ready()
    }

    fn observe(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.0.observe().await;
            if let Ok(counts) = store::count_under_way(&self.0.database).await {
                for (state, count) in counts {
                    self.0.metrics.order_state(state.as_str(), count);
                }
            }
        })
    }
}
