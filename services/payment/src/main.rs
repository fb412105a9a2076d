//! The binary `payment-service`; see `payment-service --help`.

use std::process::ExitCode;

use clap::Parser;
use payment_service::{NAME, Options, start};
use service_common::program;
use service_common::server::{Ports, listen};

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return program::usage(&error),
    };
    program::serve(NAME, options.telemetry.clone(), |metrics, port| async move {
        let ports = Ports {
            grpc: Some(listen("--grpc-addr", options.grpc_addr).await?),
            http: Some(listen("--http-addr", options.http_addr).await?),
            metrics: Some(port),
        };
        Ok(start(options, ports, &metrics).await?.running)
    })
}
