//! What the binaries of the services have in common: from the settings to the exit code.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::metrics::Metrics;
use crate::options::TelemetryOptions;
use crate::server::{Running, listen};
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

/// Runs an errand to its end. What goes wrong is logged.
pub fn run<F>(name: &'static str, log_level: &str, errand: impl FnOnce() -> F) -> ExitCode
where
    F: Future<Output = Result<(), Ended>>,
{
    if let Err(error) = telemetry::init(log_level) {
        eprintln!("{name}: --log-level: {error}");
        return ExitCode::from(USAGE);
    }
    match runtime()
        .map_err(Ended::from)
        .and_then(|runtime| runtime.block_on(errand()))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "{name} ended");
            ExitCode::from(FAILED)
        }
    }
}

/// Starts a service and runs it until SIGTERM or SIGINT.
///
/// `start` is given the service's metrics and its port for them, takes its other ports, and gives what runs.
pub fn serve<F>(
    name: &'static str,
    telemetry: TelemetryOptions,
    start: impl FnOnce(Metrics, TcpListener) -> F,
) -> ExitCode
where
    F: Future<Output = Result<Running, Ended>>,
{
    run(name, &telemetry.log_level.clone(), || async move {
        let started = Instant::now();
        // From before others can know of the service on.
        let stop = hear_stop()?;
        let port = listen("--metrics-addr", telemetry.metrics_addr).await?;
        let running = start(Metrics::new(name)?, port).await?;
        let at = running.addresses();
        let address = |address: Option<SocketAddr>| address.map(tracing::field::display);
        tracing::info!(
            grpc = address(at.grpc),
            http = address(at.http),
            metrics = address(at.metrics),
            took_ms = started.elapsed().as_millis(),
            "ready"
        );
        stop.await;
        running.stop().await;
        Ok(())
    })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// From now on SIGTERM and SIGINT end what is returned, and no longer the process.
fn hear_stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
