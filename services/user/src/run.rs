//! The service, put together.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use service_common::auth::{Guard, KeyError, Sessions, SigningKey, Verifier, VerifyingKeys};
use service_common::boxed::Boxed;
use service_common::database::{Database, DatabaseError};
use service_common::metrics::Metrics;
use service_common::outbox::{Outbox, Publisher, Relay, RelayOptions};
use service_common::program;
use service_common::secret::SecretText;
use service_common::server::{Grpc, Lifecycle, Ports, Running, ServeError, Server, ServiceHealth, listen};
use tonic::service::Routes;
use weir_kafka::ConnectionError;
use weir_rpc::user::v1::user_service_server::{SERVICE_NAME, UserServiceServer};

use crate::api::Api;
use crate::hasher::Hasher;
use crate::options::Options;
use crate::places::{PlaceError, open};
use crate::service_token::{IssueError, issue_service_token};
use crate::sessions::LocalSessions;
use crate::tidy::tidy;
use crate::users::{Needs, Users};
use crate::{NAME, access, store};

/// The service cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Where sessions and carts are kept.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The key of access tokens.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// How Kafka is reached.
    #[error("Kafka: {0}")]
    Kafka(#[from] ConnectionError),
    /// Its ports.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// The running service.
pub struct UserService {
    /// Where it is reached, and its end.
    pub running: Running,
    users: Users,
    key: Arc<SigningKey>,
}

/// Runs the service as a process of its own, until SIGTERM or SIGINT.
#[must_use]
pub fn run(options: Options) -> ExitCode {
    program::serve(NAME, options.telemetry.clone(), |metrics, port| async move {
        let ports = Ports {
            grpc: Some(listen("--grpc-addr", options.grpc_addr).await?),
            http: None,
            metrics: Some(port),
        };
        Ok(start(options, ports, &metrics).await?.running)
    })
}

/// Starts the service on these ports.
///
/// # Errors
/// What keeps it from starting. Kafka may be away: it waits for it.
pub fn start(
    options: Options,
    ports: Ports,
    metrics: &Metrics,
) -> Boxed<'_, Result<UserService, StartError>> {
    Box::pin(async move {
        let metrics = metrics.of(NAME);
        let lifecycle = Lifecycle::new();
        let key = Arc::new(options.key.read()?);
        let database = Database::open(&options.database, store::OWNER, store::STEPS)
            .await?
            .measured(&metrics);
        let outbox = Outbox::new();
        let kept = open(&options.kept_in, &database, options.rules).await?;
        let sessions = Sessions::new(Arc::new(LocalSessions(kept.sessions.clone())));
        let public_keys = match options.retired_keys {
            Some(retired) => key.public().and(retired),
            None => key.public(),
        };
        let verifier = Verifier::new(VerifyingKeys::of(&public_keys)?);
        let users = Users::new(Needs {
            database: database.clone(),
            outbox: outbox.clone(),
            hasher: Hasher::of_all_cores(options.hashing_patience),
            key: key.clone(),
            public_keys,
            refresh_secret: options.refresh_secret,
            idempotency_secret: options.idempotency_secret,
            kept: kept.sessions.clone(),
            sessions: sessions.clone(),
            rules: options.rules,
            topic: options.topic,
            metrics: metrics.clone(),
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
        lifecycle.spawn(tidy(database.clone(), kept.clone(), lifecycle.stopping()));

        let guard = Guard::new(verifier, sessions);
        let health = ServiceHealth {
            database: database.clone(),
            guard: guard.clone(),
            metrics: metrics.clone(),
        };
        let api = Api {
            users: users.clone(),
            carts: kept.carts,
        };
        let server = Server {
            ports,
            health: Arc::new(health),
            metrics,
            grpc: Some(Grpc {
                routes: Routes::new(UserServiceServer::new(api)),
                guard,
                access,
                services: &[SERVICE_NAME],
            }),
            http: None,
        };
        Ok(UserService {
            running: server.start(lifecycle).await?.with(database),
            users,
            key,
        })
    })
}

impl UserService {
    /// For whoever runs the service in its own process: makes admins and the user of a demo.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// A token for a service of this name.
    ///
    /// # Errors
    /// The key cannot sign: a fault of ours.
    pub fn issue_service_token(&self, name: &str, good_for: Duration) -> Result<SecretText, IssueError> {
        issue_service_token(&self.key, name, good_for)
    }
}
