//! The binary `order-service`; see `order-service --help`.

use std::process::ExitCode;

use clap::Parser;
use order_service::Options;
use service_common::program;
use service_common::server::{Ports, listen};

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return program::usage(&error),
    };
    program::run(
        order_service::NAME,
        &options.log_level.clone(),
        |metrics| async move {
            let stop = program::hear_stop()?;
            let ports = Ports {
                grpc: listen("--grpc-addr", options.grpc_addr).await?,
                http: listen("--http-addr", options.http_addr).await?,
            };
            let service = order_service::start(options, ports, &metrics).await?;
            tracing::info!(grpc = %service.grpc_addr(), http = %service.http_addr(), "ready");
            stop.await;
            service.stop().await;
            Ok(())
        },
    )
}
