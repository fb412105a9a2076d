//! The families of metrics, each made once.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

/// Seconds, for everything that a client waits for.
const LATENCIES: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Metrics of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What tells its members apart, beside `service`.
    pub labels: &'static [&'static str],
    /// What it is.
    pub help: &'static str,
}

pub(super) struct Families {
    pub(super) registry: Registry,
    pub(super) made: Vec<Family>,
    pub(super) http_requests: IntCounterVec,
    pub(super) http_seconds: HistogramVec,
    pub(super) grpc_calls: IntCounterVec,
    pub(super) grpc_handled: IntCounterVec,
    pub(super) grpc_seconds: HistogramVec,
    pub(super) orders_created: IntCounterVec,
    pub(super) order_seconds: HistogramVec,
    pub(super) order_states: IntGaugeVec,
    pub(super) events_published: IntCounterVec,
    pub(super) outbox_depth: IntGaugeVec,
    pub(super) outbox_age: IntGaugeVec,
    pub(super) payments: IntCounterVec,
    pub(super) payment_states: IntGaugeVec,
    pub(super) provider_seconds: HistogramVec,
    pub(super) webhooks: IntCounterVec,
    pub(super) logins: IntCounterVec,
    pub(super) rate_limited: IntCounterVec,
    pub(super) breakers: IntGaugeVec,
    pub(super) replays: IntCounterVec,
    pub(super) pool: IntGaugeVec,
    pub(super) database_wait: HistogramVec,
    pub(super) spans: IntCounterVec,
    pub(super) notifications_sent: IntCounterVec,
    pub(super) notifications_repeated: IntCounterVec,
    pub(super) notifications_dead_lettered: IntCounterVec,
    pub(super) notifications_failed: IntCounterVec,
    pub(super) notifications_ignored: IntCounterVec,
    pub(super) notification_age: HistogramVec,
    pub(super) windows: IntGaugeVec,
    pub(super) results_read: IntCounterVec,
    pub(super) results_lag: IntGaugeVec,
    pub(super) streams: IntGaugeVec,
}

impl Families {
    /// # Errors
    /// A name is taken twice: a fault of the program.
    pub(super) fn new() -> Result<Families, prometheus::Error> {
        let mut maker = Maker::default();
        Ok(Families {
            http_requests: maker.counter(
                "http_requests_total",
                "HTTP requests answered; path is the route's template.",
                &["method", "path", "status"],
            )?,
            http_seconds: maker.seconds(
                "http_request_duration_seconds",
                "From a request's head to the head of its answer.",
                &["method", "path"],
            )?,
            grpc_calls: maker.counter(
                "grpc_calls_total",
                "gRPC calls made to other services.",
                &["method", "code"],
            )?,
            grpc_handled: maker.counter("grpc_handled_total", "gRPC calls answered.", &["method", "code"])?,
            grpc_seconds: maker.seconds(
                "grpc_handling_seconds",
                "From a gRPC call to the head of its answer.",
                &["method"],
            )?,
            orders_created: maker.counter(
                "orders_created_total",
                "Orders taken. Not by user: their number has no bound.",
                &[],
            )?,
            order_seconds: maker.seconds("order_latency_seconds", "Work on orders.", &["operation"])?,
            order_states: maker.gauge("order_states", "Orders that are under way, by state.", &["state"])?,
            events_published: maker.counter(
                "kafka_events_published_total",
                "Events of the outbox handed to Kafka: delivered or failed.",
                &["topic", "status"],
            )?,
            outbox_depth: maker.gauge("outbox_depth", "Events that wait to be published.", &[])?,
            outbox_age: maker.gauge(
                "outbox_oldest_age_ms",
                "How long the oldest event waits to be published.",
                &[],
            )?,
            payments: maker.counter("payments_total", "Payments settled, by outcome.", &["outcome"])?,
            payment_states: maker.gauge(
                "payment_states",
                "Payments that are under way, by status.",
                &["status"],
            )?,
            provider_seconds: maker.seconds(
                "payment_provider_seconds",
                "Calls to the payment provider, by outcome.",
                &["call", "outcome"],
            )?,
            webhooks: maker.counter(
                "payment_webhooks_total",
                "Events that the payment provider told of, by what came of them.",
                &["kind", "outcome"],
            )?,
            logins: maker.counter("logins_total", "Attempts to log in, by outcome.", &["outcome"])?,
            rate_limited: maker.counter("rate_limited_total", "Requests refused with 429.", &["limit"])?,
            breakers: maker.gauge(
                "circuit_breaker_open",
                "1 while calls to a service are held back, as it does not answer; sessions: to the user service, of whether they stand.",
                &["upstream"],
            )?,
            replays: maker.counter(
                "idempotency_replays_total",
                "Requests whose idempotency key was seen before, answered as then.",
                &["operation"],
            )?,
            pool: maker.gauge(
                "database_connections",
                "Connections to the database, by state: used or idle.",
                &["state"],
            )?,
            database_wait: maker.seconds(
                "database_wait_seconds",
                "How long a transaction waited for a connection and, with SQLite, its turn to write.",
                &[],
            )?,
            spans: maker.counter(
                "trace_spans_total",
                "Spans of traces: exported to the collector, or dropped.",
                &["outcome"],
            )?,
            notifications_sent: maker.counter(
                "notifications_sent_total",
                "Messages sent to users, repetitions included.",
                &["template"],
            )?,
            notifications_repeated: maker.counter(
                "notifications_repeated_total",
                "Messages sent though somebody may have sent them before and not lived to say so.",
                &["template"],
            )?,
            notifications_dead_lettered: maker.counter(
                "notifications_dead_lettered_total",
                "Records of events that will never be understood.",
                &["topic"],
            )?,
            notifications_failed: maker.counter(
                "notifications_failed_total",
                "Attempts to send that failed and are made again, by what did not answer.",
                &["what"],
            )?,
            notifications_ignored: maker.counter(
                "notifications_ignored_total",
                "Records of events that nobody is told of.",
                &["reason"],
            )?,
            notification_age: maker.seconds(
                "notification_age_seconds",
                "From what happened to the message that tells of it.",
                &["template"],
            )?,
            windows: maker.gauge("analytics_windows", "Windows that are held.", &[])?,
            results_read: maker.counter(
                "analytics_records_total",
                "Records read of the topic of results: result or malformed.",
                &["kind"],
            )?,
            results_lag: maker.gauge(
                "analytics_lag_records",
                "Offsets of the topic of results that are not read yet.",
                &[],
            )?,
            streams: maker.gauge("analytics_streams", "Streams of windows that are open.", &[])?,
            registry: maker.registry,
            made: maker.made,
        })
    }
}

#[derive(Default)]
struct Maker {
    registry: Registry,
    made: Vec<Family>,
}

type Labels = &'static [&'static str];

impl Maker {
    fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
    ) -> Result<IntCounterVec, prometheus::Error> {
        let made = IntCounterVec::new(Opts::new(name, help), &with_service(labels))?;
        self.registry.register(Box::new(made.clone()))?;
        self.note(name, "counter", labels, help);
        Ok(made)
    }

    fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
    ) -> Result<IntGaugeVec, prometheus::Error> {
        let made = IntGaugeVec::new(Opts::new(name, help), &with_service(labels))?;
        self.registry.register(Box::new(made.clone()))?;
        self.note(name, "gauge", labels, help);
        Ok(made)
    }

    fn seconds(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: Labels,
    ) -> Result<HistogramVec, prometheus::Error> {
        let options = HistogramOpts::new(name, help).buckets(LATENCIES.to_vec());
        let made = HistogramVec::new(options, &with_service(labels))?;
        self.registry.register(Box::new(made.clone()))?;
        self.note(name, "histogram", labels, help);
        Ok(made)
    }

    fn note(&mut self, name: &'static str, kind: &'static str, labels: Labels, help: &'static str) {
        self.made.push(Family {
            name,
            kind,
            labels,
            help,
        });
    }
}

fn with_service(labels: Labels) -> Vec<&'static str> {
    ["service"].iter().chain(labels).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// The table of the document, made anew by `WEIR_REGENERATE=1`.
    #[test]
    fn the_document_has_every_metric() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let document = std::fs::read_to_string(path).unwrap();
        let mut table = String::from("| name | kind | labels | meaning |\n|---|---|---|---|\n");
        for family in Families::new().unwrap().made {
            let Family { name, kind, help, .. } = family;
            let labels = family.labels.join(", ");
            writeln!(table, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
        }
        let (before, rest) = document.split_once("<!-- metrics -->\n").unwrap();
        let (there, after) = rest.split_once("<!-- /metrics -->").unwrap();
        if std::env::var_os("WEIR_REGENERATE").is_some() {
            let whole = format!("{before}<!-- metrics -->\n{table}<!-- /metrics -->{after}");
            std::fs::write(path, whole).unwrap();
            return;
        }
        assert_eq!(there, table, "WEIR_REGENERATE=1 writes it anew");
    }
}
