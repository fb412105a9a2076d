//! The service, put together.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;

use service_common::auth::Guard;
use service_common::boxed::Boxed;
use service_common::client::AddressError;
use service_common::metrics::Metrics;
use service_common::program;
use service_common::server::{Grpc, Health, Lifecycle, Ports, Running, ServeError, Server, listen};
use tonic::service::Routes;
use weir_kafka::{ConnectionError, Followed, Follower};
use weir_proto::AnalyticsResult;
use weir_rpc::analytics::v1::analytics_service_server::{AnalyticsServiceServer, SERVICE_NAME};

use crate::api::Api;
use crate::board::{Board, Limits};
use crate::options::{Audience, Options};
use crate::position::Mark;
use crate::watch::Watches;
use crate::{NAME, access, rest};

/// The service cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
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
pub struct AnalyticsService {
    /// Where it is reached, and its end.
    pub running: Running,
    board: Board,
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
/// What keeps it from starting. Kafka, the topic and the user service may be away: it waits for them.
pub fn start(
    options: Options,
    ports: Ports,
    metrics: &Metrics,
) -> Boxed<'_, Result<AnalyticsService, StartError>> {
    Box::pin(async move {
        let metrics = metrics.of(NAME);
        let lifecycle = Lifecycle::new();
        let guard = Guard::remote(options.calls.users(&metrics)?, &lifecycle);
        let board = Board::new(Limits {
            windows: options.max_windows,
            events: options.max_events,
        });
        let follower = follow(&options, board.clone(), metrics.clone())?;
        let stopping = lifecycle.stopping();
        lifecycle.spawn(async move {
            stopping.cancelled().await;
            // It may be waiting for an answer of Kafka.
            let _ = tokio::task::spawn_blocking(move || drop(follower)).await;
        });

        let audience = options.audience.access();
        let api = Api {
            board: board.clone(),
            watches: Watches::new(
                board.clone(),
                guard.clone(),
                audience,
                options.max_streams.get(),
                metrics.clone(),
                lifecycle.stopping(),
            ),
        };
        let http = rest::router(&api, guard.clone(), audience, lifecycle.stopping());
        let health = ReaderHealth {
            board: board.clone(),
            guard: guard.clone(),
            metrics: metrics.clone(),
        };
        let server = Server {
            ports,
            health: Arc::new(health),
            metrics,
            grpc: Some(Grpc {
                routes: Routes::new(AnalyticsServiceServer::new(api)),
                guard,
                access: match options.audience {
                    Audience::Everybody => access::for_everybody,
                    Audience::Admins => access::for_admins,
                },
                services: &[SERVICE_NAME],
            }),
            http: Some(http),
        };
        Ok(AnalyticsService {
            running: server.start(lifecycle).await?,
            board,
        })
    })
}

impl AnalyticsService {
    /// Waits until what the topic held at the start has been read.
    pub async fn until_caught_up(&self) {
        self.board.until_caught_up().await;
    }
}

/// Keeps the board as the topic is.
fn follow(options: &Options, board: Board, metrics: Metrics) -> Result<Follower, StartError> {
    let connection = options.kafka.connection();
    let topic = options.topic.clone();
    let each = move |followed: Followed<'_>| match followed {
        Followed::Record { partition, record } => {
            match AnalyticsResult::from_json(record.value.unwrap_or_default()) {
                Ok(result) => {
                    metrics.result_read("result");
                    let mark = Mark {
                        offset: record.offset,
                        at_ms: record.timestamp.unwrap_or(0).max(0),
                    };
                    board.publish(partition, mark, result);
                }
                Err(error) => {
                    metrics.result_read("malformed");
                    tracing::warn!(topic, partition, offset = record.offset, %error, "a record is no result; left out");
                }
            }
        }
        Followed::CaughtUp => {
            metrics.results_lag(0);
            board.caught_up();
        }
        Followed::Lag(offsets) => metrics.results_lag(offsets),
        Followed::Anew => board.clear(),
    };
    Ok(Follower::start(&connection, &options.topic, each)?)
}

/// The windows are there once the topic has been read, and stay while Kafka is away.
struct ReaderHealth {
    board: Board,
    guard: Guard,
    metrics: Metrics,
}

impl Health for ReaderHealth {
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            if !self.board.is_caught_up() {
                return Err("results".to_owned());
            }
            match self.guard.is_ready() {
                true => Ok(()),
                false => Err("keys of access tokens".to_owned()),
            }
        })
    }

    fn observe(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.metrics
                .windows(self.board.windows(crate::windows::Windows::len));
        })
    }
}
