//! Structured logs: text on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sends the log to standard error; `RUST_LOG` sets the level (default `info`). A line that cannot be written, on a full
/// disk for one, is lost, and that is all.
pub(crate) fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would be told to the standard error, which is what cannot be written, and would end the thread in a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // A second initialisation, in tests, is no fault.
    let _ = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}
