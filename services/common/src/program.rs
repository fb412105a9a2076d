//! What the binaries of the services have in common: from the settings to the exit code.

use std::fmt;
use std::future::Future;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::metrics::Metrics;
use crate::telemetry;

/// Wrong settings (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;
/// It could not be started, or not go on.
const FAILED: u8 = 1;

/// Why a service ended that was not asked to.
#[derive(Debug)]
pub struct Ended(String);

impl<E: std::error::Error> From<E> for Ended {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // Many errors repeat their source in their own text.
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Ended(text)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Says what is wrong with the settings, or prints the help that was asked for.
pub fn usage(error: &clap::Error) -> ExitCode {
    // Where even that cannot be printed nothing can.
    let _ = error.print();
    match error.use_stderr() {
        true => ExitCode::from(USAGE),
        false => ExitCode::SUCCESS,
    }
}

/// Runs a service until it ends.
pub fn run<F>(name: &'static str, log_level: &str, service: impl FnOnce(Metrics) -> F) -> ExitCode
where
    F: Future<Output = Result<(), Ended>>,
{
    if let Err(error) = telemetry::init(log_level) {
        eprintln!("{name}: --log-level: {error}");
        return ExitCode::from(USAGE);
    }
    let ended = runtime().map_err(Ended::from).and_then(|runtime| {
        let metrics = Metrics::new(name)?;
        runtime.block_on(service(metrics))
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "{name} ended");
            ExitCode::from(FAILED)
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// From now on SIGTERM and SIGINT end what is returned, and no longer the process. To be called before others can know of
/// the service: a signal that comes earlier ends the process then and there.
///
/// # Errors
/// Signals cannot be heard.
pub fn hear_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
