//! The binary `user-service`; see `user-service --help`.

use std::process::ExitCode;

use service_common::program;
use service_common::server::{Ports, listen};
use user_service::{Command, NAME, Options};

/// What the errands log: what went wrong.
const QUIET: &str = "warn";

fn main() -> ExitCode {
    match Command::parse(std::env::args_os()) {
        Ok(Command::Serve(options)) => serve(*options),
        Ok(Command::CreateAdmin(errand)) => {
            program::run(NAME, QUIET, |_| errand.run(std::io::stdin().lock()))
        }
        Ok(Command::IssueServiceToken(errand)) => program::run(NAME, QUIET, |_| async move { errand.run() }),
        Err(error) => program::usage(&error),
    }
}

fn serve(options: Options) -> ExitCode {
    program::run(NAME, &options.log_level.clone(), |metrics| async move {
        let stop = program::hear_stop()?;
        let ports = Ports {
            grpc: listen("--grpc-addr", options.grpc_addr).await?,
            http: listen("--http-addr", options.http_addr).await?,
        };
        let service = user_service::start(options, ports, &metrics).await?;
        tracing::info!(grpc = %service.grpc_addr(), http = %service.http_addr(), "ready");
        stop.await;
        service.stop().await;
        Ok(())
    })
}
