//! What the binaries of the services have in common: from the settings to the exit code.

use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::boxed::Boxed;
use crate::command_line::{self, USAGE, usage};
use crate::database::{Migrate, Step};
use crate::metrics::Metrics;
use crate::options::TelemetryOptions;
use crate::server::{Running, listen};
use crate::telemetry::{Telemetry, TelemetryError};

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

/// Serves as the command line says.
pub fn serve_by<O: Parser>(
    args: impl IntoIterator<Item = OsString>,
    serve: impl FnOnce(O) -> ExitCode,
) -> ExitCode {
    command_line::parse(args).map_or_else(|error| usage(&error), serve)
}

/// What the binary of a service with a database does: it serves, or with `migrate` brings the schema up to date and ends.
pub fn with_database<O: Parser>(
    name: &'static str,
    owner: &'static str,
    steps: &[Step],
    serve: impl FnOnce(O) -> ExitCode,
) -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let done = match Migrate::parse(&args) {
        Some(errand) => errand.map(|errand| migrate(name, owner, steps, errand)),
        None => command_line::parse(args).map(serve),
    };
    done.unwrap_or_else(|error| usage(&error))
}

/// Brings a schema up to date.
pub fn migrate(name: &'static str, owner: &'static str, steps: &[Step], errand: Migrate) -> ExitCode {
    run(name, "info", || async { Ok(errand.run(owner, steps).await?) })
}

/// Runs an errand to its end. What goes wrong is logged.
pub fn run<F>(name: &'static str, log_level: &str, errand: impl FnOnce() -> F) -> ExitCode
where
    F: Future<Output = Result<(), Ended>>,
{
    if let Err(error) = Telemetry::logs(log_level) {
        return misused(name, &error);
    }
    exit(
        name,
        runtime()
            .map_err(Ended::from)
            .and_then(|runtime| runtime.block_on(errand())),
    )
}

/// Starts a service and runs it until SIGTERM or SIGINT.
///
/// `start` is given the service's metrics and its port for them, takes its other ports, and gives what runs.
pub fn serve<F>(
    name: &'static str,
    options: TelemetryOptions,
    start: impl FnOnce(Metrics, TcpListener) -> F + 'static,
) -> ExitCode
where
    F: Future<Output = Result<Running, Ended>> + Send + 'static,
{
    serve_boxed(
        name,
        options,
        Box::new(move |metrics, port| Box::pin(start(metrics, port))),
    )
}

/// What starts a service, and gives what runs.
type Start = Box<dyn FnOnce(Metrics, TcpListener) -> Boxed<'static, Result<Running, Ended>>>;

fn serve_boxed(name: &'static str, options: TelemetryOptions, start: Start) -> ExitCode {
    let started = Instant::now();
    let (runtime, metrics) = match (runtime(), Metrics::new(name)) {
        (Ok(runtime), Ok(metrics)) => (runtime, metrics),
        (Err(error), _) => return exit(name, Err(error.into())),
        (_, Err(error)) => return exit(name, Err(error.into())),
    };
    runtime.block_on(async {
        let endpoint = options.otlp_endpoint.as_deref();
        let telemetry = match Telemetry::start(name, &options.log_level, endpoint, &metrics) {
            Ok(telemetry) => telemetry,
            Err(error) => return misused(name, &error),
        };
        let served = async {
            // From before others can know of the service on.
            let stop = hear_stop()?;
            let port = listen("--metrics-addr", options.metrics_addr).await?;
            let running = start(metrics, port).await?;
            let at = running.addresses();
            let address = |address: Option<SocketAddr>| address.map(tracing::field::display);
            tracing::info!(
                grpc = address(at.grpc),
                http = address(at.http),
                metrics = address(at.metrics),
                took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "ready"
            );
            stop.await;
            running.stop().await;
            Ok(())
        };
        let ended = served.await;
        telemetry.finish().await;
        exit(name, ended)
    })
}

fn misused(name: &str, error: &TelemetryError) -> ExitCode {
    eprintln!("{name}: {error}");
    ExitCode::from(USAGE)
}

fn exit(name: &str, ended: Result<(), Ended>) -> ExitCode {
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
