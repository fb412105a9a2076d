//! Where the log goes: to a file while the table is on the screen, else to standard error.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins the log; `RUST_LOG` sets its level (`info` in the file, `warn` between the plain lines).
pub(crate) fn init(file: Option<&Path>) -> Result<()> {
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
    let log = tracing_subscriber::registry().with(filter);
    let done = match file {
        Some(path) => {
            let file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write the log {}", path.display()))?;
            log.with(layer.with_writer(Mutex::new(file))).try_init()
        }
        None => log.with(layer.with_writer(std::io::stderr)).try_init(),
    };
    done.map_err(|error| anyhow!("cannot begin the log: {error}"))
}
