//! Structured logs: text on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends the log to standard error; `RUST_LOG` sets the level (default `info`). A line that cannot be written, on a full
/// disk for one, is lost, and that is all.
pub(crate) fn init() {
    let filter = std::env::var("RUST_LOG")
        .ok()
        .and_then(|filter| filter.parse().ok());
    let filter: Targets = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let layer = tracing_subscriber::fmt::layer()
        // It would be told to the standard error, which is what cannot be written, and would end the thread in a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let log = tracing_subscriber::registry().with(filter);
    // A second initialisation, in tests, is no fault.
    let _ = if std::io::stderr().is_terminal() {
        log.with(layer).try_init()
    } else {
        log.with(layer.json().flatten_event(true)).try_init()
    };
}
