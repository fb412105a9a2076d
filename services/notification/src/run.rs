//! The service, put together: the plain consumer.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use service_common::boxed::Boxed;
use service_common::database::Database;
use service_common::metrics::Metrics;
use service_common::program;
use service_common::server::{Health, Lifecycle, Ports, Running, Server, Stopping};

use crate::NAME;
use crate::claims::Claims;
use crate::consumer::Consumer;
use crate::options::Options;
use crate::start::{StartError, open};
use crate::template::Template;

/// How often claims are forgotten that were kept long enough.
const TIDY: Duration = Duration::from_secs(60);

/// The running service.
pub struct NotificationService {
    /// Where it is reached, and its end.
    pub running: Running,
    metrics: Metrics,
}

/// Runs the service as a process of its own, until SIGTERM or SIGINT.
#[must_use]
pub fn run(options: Options) -> ExitCode {
    program::serve(NAME, options.telemetry.clone(), |metrics, port| async move {
        let ports = Ports {
            metrics: Some(port),
            ..Ports::default()
        };
        Ok(start(options, ports, &metrics).await?.running)
    })
}

/// Starts the service; of the ports it serves that of metrics.
///
/// # Errors
/// What keeps it from starting. Kafka and the user service may be away: it waits for them.
pub fn start(
    options: Options,
    ports: Ports,
    metrics: &Metrics,
) -> Boxed<'_, Result<NotificationService, StartError>> {
    Box::pin(async move {
        let metrics = metrics.of(NAME);
        let lifecycle = Lifecycle::new();
        let users = options.calls.users(&metrics)?;
        let (desk, database) = open(&options.desk, users, &metrics).await?;
        let claims = desk.claims.clone();
        let topics = options.desk.topics;
        metrics.notifications_are_read_from([&*topics.orders, &topics.notifications]);
        let connection = options.desk.kafka.connection();
        let consumer = Consumer::join(&connection, &options.group, topics, desk)?;
        let health = ConsumerHealth {
            claims: claims.clone(),
            runs: consumer.runs(),
            database: database.clone(),
            metrics: metrics.clone(),
        };
        lifecycle.spawn(consumer.run(lifecycle.stopping()));
        lifecycle.spawn(tidy(claims, lifecycle.stopping()));
        let server = Server {
            ports,
            health: Arc::new(health),
            metrics: metrics.clone(),
            grpc: None,
            http: None,
        };
        let running = server.start(lifecycle).await?;
        Ok(NotificationService {
            running: match database {
                Some(database) => running.with(database),
                None => running,
            },
            metrics,
        })
    })
}

impl NotificationService {
    /// How many messages were sent since the start.
    #[must_use]
    pub fn sent(&self) -> u64 {
        sent(&self.metrics)
    }

    /// Stops by that moment; gives how many messages were sent.
    pub async fn stop_by(self, until: Instant) -> u64 {
        let metrics = self.metrics.clone();
        self.running.stop_by(until).await;
        sent(&metrics)
    }
}

fn sent(metrics: &Metrics) -> u64 {
    let of = |template: &Template| metrics.notifications_sent(template.as_str());
    Template::ALL.iter().map(of).sum()
}

async fn tidy(claims: Arc<dyn Claims>, stopping: Stopping) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(TIDY) => {}
        }
        if let Err(error) = claims.sweep().await {
            tracing::warn!(%error, "could not tidy up; trying again in a minute");
        }
    }
}

/// The claims must answer, and the consumer run. That Kafka or the user service is away is no reason to send probes
/// elsewhere: there is nowhere else.
struct ConsumerHealth {
    claims: Arc<dyn Claims>,
    runs: Arc<AtomicBool>,
    database: Option<Database>,
    metrics: Metrics,
}

impl Health for ConsumerHealth {
    fn ready(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            self.claims.ping().await.map_err(|_| "claims".to_owned())?;
            match self.runs.load(Ordering::Relaxed) {
                true => Ok(()),
                false => Err("consumer".to_owned()),
            }
        })
    }

    fn observe(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            if let Some(database) = &self.database {
                let (open, idle) = database.connections();
                self.metrics.pool(open, idle);
            }
        })
    }
}
