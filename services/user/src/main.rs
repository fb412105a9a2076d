//! The binary `user-service`; see `user-service --help`.

use std::process::ExitCode;

use service_common::program;
use service_common::server::{Ports, listen};
use user_service::{Command, NAME, Options, start};

/// What the errands log: what went wrong.
const QUIET: &str = "warn";

fn main() -> ExitCode {
    match Command::parse(std::env::args_os()) {
        Ok(Command::Serve(options)) => serve(*options),
        Ok(Command::CreateAdmin(errand)) => program::run(NAME, QUIET, || errand.run(std::io::stdin().lock())),
        Ok(Command::IssueServiceToken(errand)) => program::run(NAME, QUIET, || async move { errand.run() }),
        Err(error) => program::usage(&error),
    }
}

fn serve(options: Options) -> ExitCode {
    program::serve(NAME, options.telemetry.clone(), |metrics, port| async move {
        let ports = Ports {
            grpc: Some(listen("--grpc-addr", options.grpc_addr).await?),
            http: None,
            metrics: Some(port),
        };
        Ok(start(options, ports, &metrics).await?.running)
    })
}
