//! The metrics of all services of this process: one registry, each metric labelled by its `service`.
//!
//! All of them are made in [`families`], and stand in `docs/metrics.md`.

mod analytics;
mod families;
mod notifications;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use prometheus::{Encoder, Histogram, IntCounter, TextEncoder};

pub use self::analytics::OpenStream;
use self::families::Families;
pub use self::families::Family;
use crate::server::Health;

/// The metrics as one service uses them. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    service: &'static str,
    all: Arc<Families>,
    observers: Arc<Mutex<Vec<Weak<dyn Health>>>>,
}

/// What became of the spans of a process.
#[derive(Clone, Debug)]
pub struct Spans {
    exported: IntCounter,
    dropped: IntCounter,
}

impl Spans {
    /// The collector has them.
    pub fn exported(&self, count: u64) {
        self.exported.inc_by(count);
    }

    /// They are lost: the collector is away, or there were too many.
    pub fn dropped(&self, count: u64) {
        self.dropped.inc_by(count);
    }
}

impl Metrics {
    /// Those of a process. [`Metrics::of`] gives each service its own.
    ///
    /// # Errors
    /// A name is taken twice: a fault of the program.
    pub fn new(service: &'static str) -> Result<Metrics, prometheus::Error> {
        Ok(Metrics {
            service,
            all: Arc::new(Families::new()?),
            observers: Arc::default(),
        })
    }

    /// All that there are.
    #[must_use]
    pub fn families(&self) -> &[Family] {
        &self.all.made
    }

    /// From now on this brings its gauges up to date before they are read, as long as somebody else keeps it.
    pub fn observed_by(&self, health: &Arc<dyn Health>) {
        let mut observers = self.observers.lock().unwrap_or_else(PoisonError::into_inner);
        observers.retain(|observer| observer.strong_count() > 0);
        observers.push(Arc::downgrade(health));
    }

    /// Brings the gauges of all services of this process up to date.
    pub async fn observe(&self) {
        let observers = self
            .observers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let all = observers.iter().filter_map(Weak::upgrade);
        futures::future::join_all(all.map(|health| async move { health.observe().await })).await;
    }

    /// The same metrics, as another service of this process uses them.
    #[must_use]
    pub fn of(&self, service: &'static str) -> Metrics {
        Metrics {
            service,
            ..self.clone()
        }
    }

    /// An HTTP request was answered.
    pub fn http_request(&self, method: &str, path: &str, status: u16, took: Duration) {
        let labels = [self.service, method, path, &status.to_string()];
        self.all.http_requests.with_label_values(&labels).inc();
        self.all
            .http_seconds
            .with_label_values(&[self.service, method, path])
            .observe(took.as_secs_f64());
    }

    /// A call to another service was answered.
    pub fn grpc_call(&self, method: &str, code: tonic::Code) {
        let labels = [self.service, method, name_of(code)];
        self.all.grpc_calls.with_label_values(&labels).inc();
    }

    /// A call was answered here.
    pub fn grpc_handled(&self, method: &str, code: tonic::Code, took: Duration) {
        let labels = [self.service, method, name_of(code)];
        self.all.grpc_handled.with_label_values(&labels).inc();
        self.all
            .grpc_seconds
            .with_label_values(&[self.service, method])
            .observe(took.as_secs_f64());
    }

    /// The counter of orders is there from the start: that it goes from 0 to 1 is seen only where the 0 was.
    pub fn orders_may_come(&self) {
        let _ = self.all.orders_created.with_label_values(&[self.service]);
    }

    /// An order was taken.
    pub fn order_created(&self) {
        self.all.orders_created.with_label_values(&[self.service]).inc();
    }

    /// Work on an order was done.
    pub fn order_operation(&self, operation: &str, took: Duration) {
        self.all
            .order_seconds
            .with_label_values(&[self.service, operation])
            .observe(took.as_secs_f64());
    }

    /// Events were delivered to a topic, or failed to be.
    pub fn events_published(&self, topic: &str, status: &str, count: u64) {
        let labels = [self.service, topic, status];
        self.all.events_published.with_label_values(&labels).inc_by(count);
    }

    /// How many events wait, and for how long the oldest does.
    pub fn outbox(&self, depth: i64, oldest_ms: i64) {
        self.all
            .outbox_depth
            .with_label_values(&[self.service])
            .set(depth);
        self.all
            .outbox_age
            .with_label_values(&[self.service])
            .set(oldest_ms);
    }

    /// How many orders are in a state.
    pub fn order_state(&self, state: &str, count: i64) {
        self.all
            .order_states
            .with_label_values(&[self.service, state])
            .set(count);
    }

    /// Counters of these outcomes are there from the start: that one goes from 0 to 1 is seen only where the 0 was.
    pub fn payments_may_be(&self, outcomes: impl IntoIterator<Item = &'static str>) {
        for outcome in outcomes {
            let _ = self.all.payments.with_label_values(&[self.service, outcome]);
        }
    }

    /// A payment was settled.
    pub fn payment(&self, outcome: &str) {
        self.all
            .payments
            .with_label_values(&[self.service, outcome])
            .inc();
    }

    /// Somebody tried to log in.
    pub fn login(&self, outcome: &str) {
        self.all.logins.with_label_values(&[self.service, outcome]).inc();
    }

    /// A request was refused by a limit.
    pub fn rate_limited(&self, limit: &str) {
        self.all
            .rate_limited
            .with_label_values(&[self.service, limit])
            .inc();
    }

    /// Connections to the database.
    pub fn pool(&self, open: u32, idle: usize) {
        let idle = i64::try_from(idle).unwrap_or(i64::MAX);
        for (state, count) in [("idle", idle), ("used", i64::from(open) - idle)] {
            self.all.pool.with_label_values(&[self.service, state]).set(count);
        }
    }

    /// How long statements wait for a connection.
    #[must_use]
    pub fn database_wait(&self) -> Histogram {
        self.all.database_wait.with_label_values(&[self.service])
    }

    /// An idempotency key was seen again, and the answer that was kept given.
    pub fn replayed(&self, operation: &str) {
        self.all
            .replays
            .with_label_values(&[self.service, operation])
            .inc();
    }

    /// How many payments are in a status.
    pub fn payment_state(&self, status: &str, count: i64) {
        self.all
            .payment_states
            .with_label_values(&[self.service, status])
            .set(count);
    }

    /// The provider told of something.
    pub fn webhook(&self, kind: &str, outcome: &str) {
        self.all
            .webhooks
            .with_label_values(&[self.service, kind, outcome])
            .inc();
    }

    /// The provider answered a call, or did not.
    pub fn provider_call(&self, call: &str, outcome: &str, took: Duration) {
        self.all
            .provider_seconds
            .with_label_values(&[self.service, call, outcome])
            .observe(took.as_secs_f64());
    }

    /// Whether calls to a service are being held back.
    pub fn breaker(&self, upstream: &str, is_open: bool) {
        self.all
            .breakers
            .with_label_values(&[self.service, upstream])
            .set(i64::from(is_open));
    }

    /// The counters of exported spans.
    #[must_use]
    pub fn spans(&self) -> Spans {
        let counter = |outcome| self.all.spans.with_label_values(&[self.service, outcome]);
        Spans {
            exported: counter("exported"),
            dropped: counter("dropped"),
        }
    }

    /// All metrics of this process, as Prometheus reads them.
    ///
    /// # Errors
    /// They cannot be written: a fault of the program.
    pub fn scrape(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.all.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// As gRPC writes it.
fn name_of(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::Ok => "OK",
        tonic::Code::Cancelled => "CANCELLED",
        tonic::Code::Unknown => "UNKNOWN",
        tonic::Code::InvalidArgument => "INVALID_ARGUMENT",
        tonic::Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        tonic::Code::NotFound => "NOT_FOUND",
        tonic::Code::AlreadyExists => "ALREADY_EXISTS",
        tonic::Code::PermissionDenied => "PERMISSION_DENIED",
        tonic::Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        tonic::Code::FailedPrecondition => "FAILED_PRECONDITION",
        tonic::Code::Aborted => "ABORTED",
        tonic::Code::OutOfRange => "OUT_OF_RANGE",
        tonic::Code::Unimplemented => "UNIMPLEMENTED",
        tonic::Code::Internal => "INTERNAL",
        tonic::Code::Unavailable => "UNAVAILABLE",
        tonic::Code::DataLoss => "DATA_LOSS",
        tonic::Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
