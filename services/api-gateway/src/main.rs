//! The binary `api-gateway`; see `api-gateway --help`.

use std::process::ExitCode;

use api_gateway::{NAME, Options, start};
use clap::Parser;
use service_common::program;
use service_common::server::{Ports, listen};

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return program::usage(&error),
    };
    program::serve(NAME, options.telemetry.clone(), |metrics, port| async move {
        let ports = Ports {
            grpc: None,
            http: Some(listen("--http-addr", options.http_addr).await?),
            metrics: Some(port),
        };
        Ok(start(options, ports, &metrics).await?.running)
    })
}
