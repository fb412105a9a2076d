//! Where the log goes: to a file while the table is on the screen, else to standard error.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use tracing_subscriber::EnvFilter;

/// Begins the log; `RUST_LOG` sets its level (`info` in the file, `warn` between the plain lines).
pub(crate) fn init(file: Option<&Path>) -> Result<()> {
    let level = if file.is_some() { "info" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A line that cannot be written, on a full disk for one, is lost: telling so may end the thread in a panic.
        .log_internal_errors(false)
        .with_ansi(false);
    let done = match file {
        Some(path) => {
            let file = File::options()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write the log {}", path.display()))?;
            builder.with_writer(Mutex::new(file)).try_init()
        }
        None => builder.with_writer(std::io::stderr).try_init(),
    };
    done.map_err(|error| anyhow!("cannot begin the log: {error}"))
}
