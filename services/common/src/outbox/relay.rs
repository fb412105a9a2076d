//! The relay: publishes what waits, marks what was delivered.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tracing::Span;
use uuid::Uuid;

use super::publisher::{self, Publisher};
use super::{Outbox, batch, shards};
use crate::boxed::Boxed;
use crate::database::Database;
use crate::metrics::Metrics;
use crate::server::Stopping;
use crate::trace::{self, Trace};

/// How often a relay looks for events of other instances, at most.
const LOOK: Duration = Duration::from_millis(200);
/// How often its shards are renewed.
const RENEW: Duration = Duration::from_secs(2);
/// How long it waits after trouble.
const TROUBLE: Duration = Duration::from_secs(1);
/// How often old rows are deleted.
const SWEEP: Duration = Duration::from_secs(60);

/// Settings of a relay.
#[derive(Clone, Debug)]
pub struct RelayOptions {
    /// How long rows are kept after they were published.
    pub kept: Duration,
    /// Its name among the relays, where that is the same after a restart: then it need not wait for its own lease. No two
    /// that may run at a time can share one.
    pub name: Option<String>,
}

impl Default for RelayOptions {
    fn default() -> Self {
        RelayOptions {
            kept: Duration::from_secs(24 * 3_600),
            name: None,
        }
    }
}

/// Publishes the events of a service's outbox.
pub struct Relay {
    database: Database,
    outbox: Outbox,
    publisher: Publisher,
    metrics: Metrics,
    options: RelayOptions,
    /// Its name among the relays.
    id: String,
    shards: Vec<i64>,
    renewed: Option<Instant>,
}

impl Relay {
    /// One for this outbox.
    #[must_use]
    pub fn new(
        database: Database,
        outbox: Outbox,
        publisher: Publisher,
        metrics: Metrics,
        options: RelayOptions,
    ) -> Relay {
        Relay {
            database,
            outbox,
            publisher,
            metrics,
            id: options.name.clone().unwrap_or_else(|| Uuid::now_v7().to_string()),
            options,
            shards: Vec::new(),
            renewed: None,
        }
    }

    /// Publishes until told to stop, and deletes what was published long ago.
    pub fn run(self, stopping: Stopping) -> Boxed<'static, ()> {
        let sweeping = sweep_often(self.database.clone(), self.options.kept);
        Box::pin(async move {
            tokio::select! {
                () = self.publish(stopping) => {}
                () = sweeping => {}
            }
        })
    }

    fn publish(mut self, stopping: Stopping) -> Boxed<'static, ()> {
        Box::pin(async move {
            let mut in_trouble = false;
            while !stopping.is_cancelled() {
                let pause = tokio::select! {
                    () = stopping.cancelled() => break,
                    round = self.round() => match round {
                        Ok(0) => {
                            in_trouble = false;
                            LOOK
                        }
                        Ok(_) => {
                            in_trouble = false;
                            Duration::ZERO
                        }
                        Err(trouble) => {
                            // Once for each time it begins: it is tried every second.
                            if !in_trouble {
                                tracing::warn!(%trouble, "events cannot be published; they wait");
                            }
                            in_trouble = true;
                            TROUBLE
                        }
                    },
                };
                if pause.is_zero() {
                    continue;
                }
                let trouble = in_trouble;
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                    () = self.outbox.written(), if !trouble => {}
                }
            }
            self.publisher.purge();
            // Where that fails, the lease runs out.
            let _ = shards::release(&self.database, &self.id).await;
        })
    }

    /// Publishes a batch; gives how many events were delivered.
    async fn round(&mut self) -> Result<usize, String> {
        let database = |error: sqlx::Error| format!("the database: {error}");
        if self.renewed.is_none_or(|renewed| renewed.elapsed() >= RENEW) {
            let asked = Instant::now();
            self.shards = shards::renew(&self.database, &self.id).await.map_err(database)?;
            self.renewed = Some(asked);
            let (depth, oldest_ms) = batch::depth(&self.database).await.map_err(database)?;
            self.metrics.outbox(depth, oldest_ms);
        }
        let waiting = batch::waiting(&self.database, &self.shards)
            .await
            .map_err(database)?;
        if waiting.is_empty() {
            return Ok(0);
        }
        // What is under way when the lease ends would be sent by another relay too: who was frozen, or waited for its
        // database, renews first.
        if self
            .renewed
            .is_none_or(|renewed| renewed.elapsed() + publisher::DELIVERY > shards::LEASE)
        {
            self.renewed = None;
            return Ok(0);
        }
        let spans: Vec<Span> = waiting.iter().map(publishing).collect();
        let sent = waiting.iter().map(|event| {
            self.publisher
                .send(&event.topic, &event.key, &event.payload, &event.headers)
        });
        let reports = join_all(sent.collect::<Vec<_>>()).await;
        let mut delivered = Vec::with_capacity(waiting.len());
        let mut trouble = None;
        for ((event, report), span) in waiting.iter().zip(reports).zip(spans) {
            match report {
                Ok(()) => {
                    self.metrics.events_published(&event.topic, "delivered", 1);
                    delivered.push(event.id.clone());
                }
                Err(reason) => {
                    self.metrics.events_published(&event.topic, "failed", 1);
                    trace::failed(&span, &reason);
                    trouble = Some(reason);
                }
            }
        }
        if !delivered.is_empty() {
            batch::mark(&self.database, &delivered).await.map_err(database)?;
        }
        match trouble {
            Some(reason) => Err(reason),
            None => Ok(delivered.len()),
        }
    }
}

/// Deletes rows that nobody needs any more, beside the relay and without end: no event waits for that.
async fn sweep_often(database: Database, kept: Duration) {
    let kept_ms = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    loop {
        if let Err(error) = batch::sweep(&database, kept_ms).await {
            tracing::warn!(%error, "events that were published long ago cannot be deleted; later again");
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// The span of a record on its way, in the trace of the request that the event came of.
fn publishing(event: &batch::Waiting) -> Span {
    let span = tracing::debug_span!(
        target: trace::TARGET,
        parent: None,
        "publish",
        otel.kind = "producer",
        messaging.system = "kafka",
        messaging.destination.name = event.topic,
        messaging.kafka.message.key = event.key,
    );
    let header = |name: &str| event.headers.get(name).map(String::as_str);
    let trace = header("traceparent").and_then(|parent| Trace::parse(parent, header("tracestate")));
    let _ = trace::continued(&span, trace);
    span
}
