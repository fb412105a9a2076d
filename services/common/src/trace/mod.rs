//! Traces: which work belongs together, whoever does it.
//!
//! A [`Trace`] is the W3C trace context that travels from HTTP through gRPC and the outbox into Kafka. Where spans are exported
//! (feature `otlp`, and an endpoint is set), it names the span that the next hop's is a child of; otherwise it is handed on
//! as it came, so that a trace does not end at a service that exports none.

mod context;
#[cfg(feature = "otlp")]
mod export;
#[cfg(feature = "otlp")]
mod queue;

pub use context::{TRACEPARENT, TRACESTATE, Trace};
#[cfg(feature = "otlp")]
pub use export::{ExportError, Exporter};

use tracing::Span;

use crate::context::Context;

/// The target of spans that are there for traces only: logs leave them out unless `LOG_LEVEL` asks for `trace=debug`.
pub const TARGET: &str = "trace";

/// What the current work is a part of.
#[must_use]
pub fn current() -> Option<Trace> {
    of_span(&Span::current()).or_else(|| Context::current().and_then(|context| context.trace))
}

/// The trace that came with a request from outside, or a new one. Where spans are exported, the first span begins it.
#[must_use]
pub fn begun(sender: Option<Trace>) -> Option<Trace> {
    #[cfg(feature = "otlp")]
    if export::is_exporting() {
        return sender;
    }
    sender.or_else(Trace::begin)
}

/// Makes a span go on with the trace of whoever asked for it; gives what the work within is a part of. A span that begins a
/// trace is given its id as the field `trace_id`.
#[must_use]
pub fn continued(span: &Span, sender: Option<Trace>) -> Option<Trace> {
    #[cfg(feature = "otlp")]
    if export::is_exporting() {
        if let Some(sender) = &sender {
            export::set_parent(span, sender);
        }
        let trace = of_span(span);
        if let (None, Some(trace)) = (&sender, &trace) {
            span.record("trace_id", trace.trace_id());
        }
        return trace.or(sender);
    }
    let _ = span;
    sender
}

/// What is a part of this span, where spans are exported.
#[must_use]
pub fn of_span(span: &Span) -> Option<Trace> {
    #[cfg(feature = "otlp")]
    if export::is_exporting() {
        return export::of_span(span);
    }
    let _ = span;
    None
}

/// Says something about a span that only traces show.
pub fn note(span: &Span, key: &'static str, text: &str) {
    #[cfg(feature = "otlp")]
    if export::is_exporting() {
        export::note(span, key, text.to_owned());
    }
    let _ = (span, key, text);
}

/// The same, with a number.
pub fn note_number(span: &Span, key: &'static str, number: i64) {
    #[cfg(feature = "otlp")]
    if export::is_exporting() {
        export::note(span, key, number);
    }
    let _ = (span, key, number);
}

/// Says that what a span stands for has failed by a fault of ours.
pub fn failed(span: &Span, reason: &str) {
    #[cfg(feature = "otlp")]
    if export::is_exporting() {
        export::failed(span, reason);
    }
    let _ = (span, reason);
}

/// Says how a call by gRPC was answered.
pub(crate) fn answered(span: &Span, code: tonic::Code) {
    note(span, "rpc.system", "grpc");
    note_number(span, "rpc.grpc.status_code", i64::from(i32::from(code)));
    let is_a_fault = matches!(
        code,
        tonic::Code::Unknown
            | tonic::Code::Internal
            | tonic::Code::Unavailable
            | tonic::Code::DeadlineExceeded
    );
    if is_a_fault {
        failed(span, code.description());
    }
}
