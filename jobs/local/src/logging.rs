//! Where the log goes: to a file while the table is on the screen, else to standard error; and spans, where a collector is set.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result};
use service_common::metrics::Metrics;
use service_common::telemetry::Telemetry;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;

/// The name of the process in traces.
const NAME: &str = "weir";

/// Begins the log; `RUST_LOG` sets its level (`info` in the file, `warn` between the plain lines). To be called within a
/// runtime.
pub(crate) fn init(file: Option<&Path>, collector: Option<&str>, metrics: &Metrics) -> Result<Telemetry> {
    let level = if file.is_some() {
        LevelFilter::INFO
    } else {
        LevelFilter::WARN
    };
    let filter = std::env::var("RUST_LOG")
        .ok()
        .and_then(|filter| filter.parse().ok());
    let filter: Targets = filter.unwrap_or_else(|| Targets::new().with_default(level));
    let layer = tracing_subscriber::fmt::layer()
        // A line that cannot be written, on a full disk for one, is lost: telling so may end the thread in a panic.
        .log_internal_errors(false)
        .with_ansi(false);
    let log = match file {
        Some(path) => {
            let file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write the log {}", path.display()))?;
            layer.with_writer(Mutex::new(file)).with_filter(filter).boxed()
        }
        None => layer.with_writer(std::io::stderr).with_filter(filter).boxed(),
    };
    Ok(Telemetry::with(log, NAME, collector, metrics)?)
}
