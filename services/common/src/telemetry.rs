//! Logs: text on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Writes what is logged to standard error. `level` is a filter such as `info` or `info,order_service=debug`. A line that
/// cannot be written, on a full disk for one, is lost, and that is all.
///
/// # Errors
/// The filter cannot be read.
pub fn init(level: &str) -> Result<(), ParseError> {
    let filter: Targets = level.parse()?;
    let layer = tracing_subscriber::fmt::layer()
        // It would be told to the standard error, which is what cannot be written, and would end the thread in a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let log = tracing_subscriber::registry().with(filter);
    // A second attempt in one process finds the first one's.
    let _ = if std::io::stderr().is_terminal() {
        log.with(layer).try_init()
    } else {
        log.with(layer.json().flatten_event(true)).try_init()
    };
    Ok(())
}
