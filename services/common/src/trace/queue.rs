//! Spans on their way to the collector: bounded, so that a collector that is away costs nothing but spans, each counted.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{Link, SpanKind};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Trace;
use super::export::context_of;
use crate::metrics::Spans;

/// The most spans that wait; more are dropped.
const LONGEST: usize = 8_192;
/// The most that are sent at a time.
const BATCH: usize = 512;
/// How long spans are gathered.
const GATHER: Duration = Duration::from_millis(200);

/// The attribute that names another trace, for those who know nothing of OpenTelemetry: it becomes a link.
const LINK: &str = "link.traceparent";

/// Takes spans as they end.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: mpsc::Sender<SpanData>,
    spans: Spans,
}

/// Sends them.
pub(super) struct Sender<E> {
    waiting: mpsc::Receiver<SpanData>,
    exporter: E,
    spans: Spans,
}

pub(super) fn queue<E: SpanExporter>(
    mut exporter: E,
    resource: &Resource,
    spans: Spans,
) -> (Queue, Sender<E>) {
    exporter.set_resource(resource);
    let (sender, receiver) = mpsc::channel(LONGEST);
    let queue = Queue {
        waiting: sender,
        spans: spans.clone(),
    };
    let sender = Sender {
        waiting: receiver,
        exporter,
        spans,
    };
    (queue, sender)
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        describe(&mut span);
        if span.span_context.is_sampled() && self.waiting.try_send(span).is_err() {
            self.spans.dropped(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Gives the spans of requests and calls the name and the kind that tracing systems expect. As fields of the span they would
/// stand in every line of the log.
fn describe(span: &mut SpanData) {
    if let Some(at) = span
        .attributes
        .iter()
        .position(|found| found.key.as_str() == LINK)
    {
        let other = span.attributes.swap_remove(at).value;
        let other = Trace::parse(&other.as_str(), None);
        if let Some(context) = other.as_ref().and_then(context_of) {
            span.links.links.push(Link::with_context(context));
        }
    }
    let attribute = |key: &str| {
        let found = span.attributes.iter().find(|found| found.key.as_str() == key);
        found.map_or_else(String::new, |found| found.value.to_string())
    };
    let name = match &*span.name {
        "http" => match attribute("http.route") {
            route if route.is_empty() => attribute("method"),
            route => format!("{} {route}", attribute("method")),
        },
        "grpc" => attribute("method").trim_start_matches('/').to_owned(),
        _ => return,
    };
    span.name = name.into();
    span.span_kind = SpanKind::Server;
}

impl<E: SpanExporter> Sender<E> {
    /// Sends until it is to stop and nothing waits any more. Trouble is told when it begins and when it ends.
    pub(super) async fn run(mut self, stopping: CancellationToken) {
        let (mut is_well, mut is_closed) = (true, false);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let received = tokio::select! {
                biased;
                received = self.waiting.recv_many(&mut batch, BATCH) => received,
                () = stopping.cancelled(), if !is_closed => {
                    self.waiting.close();
                    is_closed = true;
                    continue;
                }
            };
            if received == 0 {
                return;
            }
            let sent = self.exporter.export(std::mem::take(&mut batch)).await;
            match &sent {
                Ok(()) => self.spans.exported(received as u64),
                Err(_) => self.spans.dropped(received as u64),
            }
            match (&sent, is_well) {
                (Err(error), true) => {
                    tracing::warn!(%error, "spans cannot be exported; they are dropped and counted")
                }
                (Ok(()), false) => tracing::info!("spans are exported again"),
                _ => {}
            }
            is_well = sent.is_ok();
            // Fuller batches, where there is time for it.
            if received < BATCH && !is_closed {
                tokio::select! {
                    () = tokio::time::sleep(GATHER) => {}
                    () = stopping.cancelled() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;
    use crate::metrics::Metrics;

    /// A collector that is away while it is told to be.
    #[derive(Clone, Debug, Default)]
    struct Collector {
        is_away: Arc<Mutex<bool>>,
        got: Arc<Mutex<Vec<String>>>,
    }

    impl SpanExporter for Collector {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            if *self.is_away.lock().unwrap() {
                return Err(OTelSdkError::InternalFailure("away".to_owned()));
            }
            let names = batch.into_iter().map(|span| span.name.into_owned());
            self.got.lock().unwrap().extend(names);
            Ok(())
        }
    }

    fn counted(metrics: &Metrics, outcome: &str) -> u64 {
        let text = metrics.scrape().unwrap();
        let start = format!("trace_spans_total{{outcome=\"{outcome}\",service=\"test\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.map_or(0, |count| count.parse().unwrap())
    }

    #[tokio::test]
    async fn every_span_is_sent_or_counted_as_dropped() {
        let metrics = Metrics::new("test").unwrap();
        let collector = Collector::default();
        *collector.is_away.lock().unwrap() = true;
        let resource = Resource::builder_empty().build();
        let (queue, sender) = queue(collector.clone(), &resource, metrics.spans());
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        // Nobody takes them yet: what is too much is dropped at once, and nobody waits.
        for _ in 0..LONGEST + 10 {
            tracer.start("early").end();
        }
        assert_eq!(counted(&metrics, "dropped"), 10);
        let stopping = CancellationToken::new();
        let sending = tokio::spawn(sender.run(stopping.clone()));
        while counted(&metrics, "dropped") < LONGEST as u64 + 10 {
            tokio::task::yield_now().await;
        }
        *collector.is_away.lock().unwrap() = false;
        tracer.start("late").end();
        stopping.cancel();
        sending.await.unwrap();
        assert_eq!(*collector.got.lock().unwrap(), ["late"]);
        assert_eq!(counted(&metrics, "exported"), 1);
    }
}
