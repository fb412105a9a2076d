//! The service, put together.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use service_common::auth::Guard;
use service_common::boxed::Boxed;
use service_common::client::AddressError;
use service_common::database::{Database, DatabaseError};
use service_common::metrics::Metrics;
use service_common::outbox::{Outbox, Publisher, Relay, RelayOptions};
use service_common::program;
use service_common::server::{
    Grpc, Health, Lifecycle, Ports, Running, ServeError, Server, ServiceHealth, listen,
};
use tonic::service::Routes;
use weir_kafka::ConnectionError;
use weir_rpc::payment::v1::payment_service_server::{PaymentServiceServer, SERVICE_NAME};

use crate::api::Api;
use crate::desk::RemoteDesk;
use crate::options::{Options, ProviderKind};
use crate::payment::Status;
use crate::payments::{Needs, Payments, Rules};
use crate::provider::Provider;
use crate::simulated::{self, Simulated};
#[cfg(feature = "stripe")]
use crate::stripe::{Stripe, StripeError};
use crate::{NAME, access, rest, store};

/// The service cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Another service's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// How Kafka is reached.
    #[error("Kafka: {0}")]
    Kafka(#[from] ConnectionError),
    /// Its ports.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Its provider.
    #[cfg(feature = "stripe")]
    #[error(transparent)]
    Stripe(#[from] StripeError),
}

/// The running service.
pub struct PaymentService {
    /// Where it is reached, and its end.
    pub running: Running,
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
) -> Boxed<'_, Result<PaymentService, StartError>> {
    Box::pin(async move {
        let metrics = metrics.of(NAME);
        let counted = Status::ALL.iter().filter(|status| status.is_counted());
        metrics.payments_may_be(counted.map(|status| status.as_str()));
        let lifecycle = Lifecycle::new();
        let database = Database::open(&options.database, store::OWNER, store::STEPS)
            .await?
            .measured(&metrics);
        let outbox = Outbox::new();
        let link = |address: &str| options.calls.link(address, &metrics);
        let guard = Guard::remote(options.calls.users(&metrics)?, &lifecycle);
        let simulated_url = options.simulated_url.clone();
        let simulated_url = match (simulated_url, &ports.http) {
            (None, Some(port)) => format!(
                "http://localhost:{}",
                port.local_addr().map_err(ServeError::from)?.port()
            ),
            (url, _) => url.unwrap_or_default(),
        };
        let simulated = Simulated::new(database.clone(), &simulated_url);
        let provider: Box<dyn Provider> = match options.provider {
            ProviderKind::Simulated => Box::new(simulated.clone()),
            #[cfg(feature = "stripe")]
            ProviderKind::Stripe => Box::new(Stripe::new(&options.stripe)?),
        };
        let payments = Payments::new(Needs {
            database: database.clone(),
            outbox: outbox.clone(),
            desk: Box::new(RemoteDesk::new(link(&options.order_service)?)),
            provider,
            secret: options.idempotency_secret.clone(),
            rules: Rules {
                topic: options.topic.clone(),
                action_time: options.action_time,
                refund_attempts: options.refund_attempts,
                webhooks: options.stripe.keys(),
                ..Rules::default()
            },
            metrics: metrics.clone(),
            lifecycle: lifecycle.clone(),
        });
        let publisher = Publisher::new(&options.kafka.connection())?;
        let relay = Relay::new(
            database.clone(),
            outbox,
            publisher,
            metrics.clone(),
            RelayOptions::default(),
        );
        lifecycle.spawn(relay.run(lifecycle.stopping()));
        lifecycle.spawn(payments.clone().attend(lifecycle.stopping()));

        let health = PaymentHealth(ServiceHealth {
            database: database.clone(),
            guard: guard.clone(),
            metrics: metrics.clone(),
        });
        let api = Api(payments.clone());
        let http = rest::router(api.clone(), options.currency.clone(), guard.clone());
        let http = match options.provider {
            ProviderKind::Simulated => simulated::routes(simulated, payments).merge(http),
            #[cfg(feature = "stripe")]
            ProviderKind::Stripe => http,
        };
        let server = Server {
            ports,
            health: Arc::new(health),
            metrics,
            grpc: Some(Grpc {
                routes: Routes::new(PaymentServiceServer::new(api)),
                guard,
                access,
                services: &[SERVICE_NAME],
            }),
            http: Some(http),
        };
        Ok(PaymentService {
            running: server.start(lifecycle).await?.with(database),
        })
    })
}

/// What all services look at, and how many payments are under way.
struct PaymentHealth(ServiceHealth);

impl Health for PaymentHealth {
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        self.0.ready()
    }

    fn observe(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.0.observe().await;
            if let Ok(counts) = store::count_under_way(&self.0.database).await {
                for (status, count) in counts {
                    self.0.metrics.payment_state(status.as_str(), count);
                }
            }
        })
    }
}
