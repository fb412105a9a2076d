//! The metrics of all services of this process: one registry, each metric labelled by its `service`.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// Seconds, for everything that a client waits for.
const LATENCIES: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The metrics as one service uses them. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    service: &'static str,
    all: Arc<All>,
}

struct All {
    registry: Registry,
    http_requests: IntCounterVec,
    http_seconds: HistogramVec,
    grpc_calls: IntCounterVec,
    grpc_handled: IntCounterVec,
    grpc_seconds: HistogramVec,
    orders_created: IntCounterVec,
    order_seconds: HistogramVec,
    events_published: IntCounterVec,
    outbox_depth: IntGaugeVec,
    outbox_age: IntGaugeVec,
    saga_states: IntGaugeVec,
    payments: IntCounterVec,
    logins: IntCounterVec,
    rate_limited: IntCounterVec,
    pool: IntGaugeVec,
}

impl Metrics {
    /// Those of a process. [`Metrics::of`] gives each service its own.
    ///
    /// # Errors
    /// A name is taken twice: a fault of the program.
    pub fn new(service: &'static str) -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let labels: Vec<&str> = ["service"].iter().chain(labels).copied().collect();
            let made = IntCounterVec::new(Opts::new(name, help), &labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let labels: Vec<&str> = ["service"].iter().chain(labels).copied().collect();
            let made = IntGaugeVec::new(Opts::new(name, help), &labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let seconds = |name: &str, help: &str, labels: &[&str]| {
            let labels: Vec<&str> = ["service"].iter().chain(labels).copied().collect();
            let opts = HistogramOpts::new(name, help).buckets(LATENCIES.to_vec());
            let made = HistogramVec::new(opts, &labels)?;
            registry.register(Box::new(made.clone()))?;
            Ok::<_, prometheus::Error>(made)
        };
        let all = All {
            http_requests: counter(
                "http_requests_total",
                "HTTP requests answered; path is the route's template.",
                &["method", "path", "status"],
            )?,
            http_seconds: seconds(
                "http_request_duration_seconds",
                "From a request's head to the head of its answer.",
                &["method", "path"],
            )?,
            grpc_calls: counter(
                "grpc_calls_total",
                "gRPC calls made to other services.",
                &["method", "code"],
            )?,
            grpc_handled: counter("grpc_handled_total", "gRPC calls answered.", &["method", "code"])?,
            grpc_seconds: seconds(
                "grpc_handling_seconds",
                "From a gRPC call to the head of its answer.",
                &["method"],
            )?,
            orders_created: counter(
                "orders_created_total",
                "Orders taken. Not by user: their number has no bound.",
                &[],
            )?,
            order_seconds: seconds("order_latency_seconds", "Work on orders.", &["operation"])?,
            events_published: counter(
                "kafka_events_published_total",
                "Events of the outbox handed to Kafka: delivered or failed.",
                &["topic", "status"],
            )?,
            outbox_depth: gauge("outbox_depth", "Events that wait to be published.", &[])?,
            outbox_age: gauge(
                "outbox_oldest_age_ms",
                "How long the oldest event waits to be published.",
                &[],
            )?,
            saga_states: gauge("order_states", "Orders that are under way, by state.", &["state"])?,
            payments: counter("payments_total", "Payments settled, by outcome.", &["outcome"])?,
            logins: counter("logins_total", "Attempts to log in, by outcome.", &["outcome"])?,
            rate_limited: counter("rate_limited_total", "Requests refused with 429.", &["limit"])?,
            pool: gauge(
                "database_connections",
                "Connections to the database, by state.",
                &["state"],
            )?,
            registry,
        };
        Ok(Metrics {
            service,
            all: Arc::new(all),
        })
    }

    /// The same metrics, as another service of this process uses them.
    #[must_use]
    pub fn of(&self, service: &'static str) -> Metrics {
        Metrics {
            service,
            all: Arc::clone(&self.all),
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
            .saga_states
            .with_label_values(&[self.service, state])
            .set(count);
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
