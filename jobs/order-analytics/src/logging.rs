//! Structured logs: text on a terminal, JSON otherwise. Spans, where a collector is set.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// What is to be ended after the job.
#[derive(Default)]
pub(crate) struct Log {
    #[cfg(feature = "otlp")]
    spans: Option<spans::Spans>,
}

/// Sends the log to standard error; `RUST_LOG` sets the level (default `info`). A line that cannot be written, on a full
/// disk for one, is lost, and that is all. Spans go to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names.
pub(crate) fn init() -> Log {
    #[cfg(feature = "otlp")]
    if let Some(spans) = spans::Spans::start(lines()) {
        return Log { spans: Some(spans) };
    }
    // A second initialisation, in tests, is no fault.
    let _ = tracing_subscriber::registry().with(lines()).try_init();
    Log::default()
}

impl Log {
    /// Sends the spans that still wait.
    pub(crate) fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(spans) = self.spans {
            spans.finish();
        }
    }
}

fn lines<S>() -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = std::env::var("RUST_LOG")
        .ok()
        .and_then(|filter| filter.parse().ok());
    let filter: Targets = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
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

#[cfg(feature = "otlp")]
mod spans {
    use service_common::metrics::Metrics;
    use service_common::telemetry::Telemetry;
    use tokio::runtime::{Builder, Runtime};
    use tracing_subscriber::{Layer, Registry};

    /// The job as traces name it.
    const NAME: &str = "order-analytics";

    /// Sends spans on a thread of its own.
    pub(super) struct Spans {
        runtime: Runtime,
        telemetry: Telemetry,
    }

    impl Spans {
        /// `None` where no collector is set, or it cannot be one: then there is no log yet to say so.
        pub(super) fn start(log: impl Layer<Registry> + Send + Sync) -> Option<Spans> {
            let endpoint = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok()?;
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("spans")
                .enable_all()
                .build()
                .ok()?;
            let metrics = Metrics::new(NAME).ok()?;
            let started = {
                let _within = runtime.enter();
                Telemetry::with(log, NAME, Some(&endpoint), &metrics)
            };
            match started {
                Ok(telemetry) => Some(Spans { runtime, telemetry }),
                Err(error) => {
                    eprintln!("{NAME}: {error}");
                    None
                }
            }
        }

        pub(super) fn finish(self) {
            self.runtime.block_on(self.telemetry.finish());
        }
    }
}
