//! Logs: text on a terminal, JSON otherwise. Spans: to a collector, where one is set.

use std::io::IsTerminal;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::metrics::Metrics;
#[cfg(feature = "otlp")]
use crate::trace::{ExportError, Exporter};

/// Telemetry cannot be set up as it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter of the log cannot be read.
    #[error("--log-level: {0}")]
    Level(#[from] ParseError),
    /// Spans cannot be exported.
    #[cfg(feature = "otlp")]
    #[error("--otlp-endpoint: {0}")]
    Export(#[from] ExportError),
}

/// What is to be ended after all else.
#[derive(Default)]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    exporter: Option<Exporter>,
}

impl Telemetry {
    /// Writes what is logged to standard error, at `level`: a filter such as `info` or `info,order_service=debug`. A line
    /// that cannot be written, on a full disk for one, is lost, and that is all.
    ///
    /// # Errors
    /// The filter cannot be read.
    pub fn logs(level: &str) -> Result<(), TelemetryError> {
        let filter: Targets = level.parse()?;
        // A second attempt in one process finds the first one's.
        let _ = tracing_subscriber::registry().with(lines(filter)).try_init();
        Ok(())
    }

    /// The same, and exports the spans of `service` to the collector at `endpoint`. To be called within a runtime.
    ///
    /// # Errors
    /// The filter or the address cannot be read.
    pub fn start(
        service: &'static str,
        level: &str,
        endpoint: Option<&str>,
        metrics: &Metrics,
    ) -> Result<Telemetry, TelemetryError> {
        let filter: Targets = level.parse()?;
        Telemetry::with(lines(filter), service, endpoint, metrics)
    }

    /// Exports the spans of `service` to the collector at `endpoint`, beside a log of one's own.
    ///
    /// # Errors
    /// The address cannot be read.
    pub fn with<L>(
        log: L,
        service: &'static str,
        endpoint: Option<&str>,
        metrics: &Metrics,
    ) -> Result<Telemetry, TelemetryError>
    where
        L: Layer<tracing_subscriber::Registry> + Send + Sync,
    {
        let registry = tracing_subscriber::registry().with(log);
        #[cfg(feature = "otlp")]
        if let Some(endpoint) = endpoint {
            let exporter = Exporter::start(endpoint, service, metrics.of(service).spans())?;
            let _ = registry.with(exporter.layer()).try_init();
            return Ok(Telemetry {
                exporter: Some(exporter),
            });
        }
        let _ = registry.try_init();
        if endpoint.is_some() {
            tracing::warn!("this is a build without the feature `otlp`: no spans are exported");
        }
        let _ = (service, metrics);
        Ok(Telemetry::default())
    }

    /// Sends what still waits to be exported.
    pub async fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.exporter {
            exporter.finish().await;
        }
    }
}

fn lines<S>(filter: Targets) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer()
        // It would be told to the standard error, which is what cannot be written, and would end the thread in a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        layer.with_filter(filter).boxed()
    } else {
        layer.json().flatten_event(true).with_filter(filter).boxed()
    }
}
