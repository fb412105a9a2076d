//! Spans over OTLP/gRPC.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use super::{TARGET, Trace, queue};
use crate::metrics::Spans;

/// How long the collector may take for a batch.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How long the last spans have when a process stops.
const LAST: Duration = Duration::from_secs(2);

/// Whether spans of this process are exported.
static EXPORTING: AtomicBool = AtomicBool::new(false);

/// Spans cannot be exported to this address.
#[derive(Debug, thiserror::Error)]
#[error("spans cannot be exported to `{endpoint}`: {source}")]
pub struct ExportError {
    endpoint: String,
    source: ExporterBuildError,
}

/// Sends the spans of this process to a collector. Which are sampled is for `OTEL_TRACES_SAMPLER` to say.
pub struct Exporter {
    tracer: Tracer,
    stopping: CancellationToken,
    sending: JoinHandle<()>,
}

impl Exporter {
    /// To the collector at this address, under this name. It may be away: what cannot be sent is counted.
    ///
    /// To be called within a runtime.
    ///
    /// # Errors
    /// It is no address.
    pub fn start(endpoint: &str, service: &'static str, spans: Spans) -> Result<Exporter, ExportError> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|source| ExportError {
                endpoint: endpoint.to_owned(),
                source,
            })?;
        let resource = Resource::builder().with_service_name(service).build();
        let (queue, sender) = queue::queue(exporter, &resource, spans);
        let stopping = CancellationToken::new();
        let sending = tokio::spawn(sender.run(stopping.clone()));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_span_processor(queue)
            .build();
        Ok(Exporter {
            tracer: provider.tracer(service),
            stopping,
            sending,
        })
    }

    /// What hands the spans over: to be a layer of the subscriber.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        EXPORTING.store(true, Ordering::Relaxed);
        let layer: OpenTelemetryLayer<S, Tracer> =
            tracing_opentelemetry::layer().with_tracer(self.tracer.clone());
        layer
            // Where in the source, and on which thread: much to send, and little to learn from.
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(
                Targets::new()
                    .with_default(LevelFilter::INFO)
                    .with_target(TARGET, LevelFilter::DEBUG),
            )
    }

    /// Sends what still waits, for a moment at most.
    pub async fn finish(self) {
        self.stopping.cancel();
        // What was not sent by then is given up with the process.
        let _ = tokio::time::timeout(LAST, self.sending).await;
    }
}

pub(super) fn is_exporting() -> bool {
    EXPORTING.load(Ordering::Relaxed)
}

pub(super) fn set_parent(span: &Span, trace: &Trace) {
    if let Some(sender) = context_of(trace) {
        // A span that is not recorded has no parent either.
        let _ = span.set_parent(Context::new().with_remote_span_context(sender));
    }
}

pub(super) fn of_span(span: &Span) -> Option<Trace> {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return None;
    }
    let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags().to_u8());
    let parent = format!("00-{trace}-{id}-{flags:02x}");
    Trace::parse(&parent, Some(&span.trace_state().header()))
}

pub(super) fn note(span: &Span, key: &'static str, value: impl Into<opentelemetry::Value>) {
    span.set_attribute(key, value);
}

pub(super) fn failed(span: &Span, reason: &str) {
    span.set_status(Status::error(reason.to_owned()));
}

pub(super) fn context_of(trace: &Trace) -> Option<SpanContext> {
    let flags = u8::from_str_radix(trace.parent().get(53..55)?, 16).ok()?;
    let state = trace.state().and_then(|state| TraceState::from_str(state).ok());
    Some(SpanContext::new(
        TraceId::from_hex(trace.trace_id()).ok()?,
        SpanId::from_hex(trace.span_id()).ok()?,
        TraceFlags::new(flags),
        true,
        state.unwrap_or_default(),
    ))
}
