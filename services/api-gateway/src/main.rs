//! The binary `api-gateway`; see `api-gateway --help`.

use std::process::ExitCode;

use api_gateway::{Options, Ports};
use clap::Parser;
use service_common::program;
use service_common::server::listen;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return program::usage(&error),
    };
    program::run(
        api_gateway::NAME,
        &options.log_level.clone(),
        |metrics| async move {
            let stop = program::hear_stop()?;
            let ports = Ports {
                http: listen("--http-addr", options.http_addr).await?,
                metrics: Some(listen("--metrics-addr", options.metrics_addr).await?),
            };
            let gateway = api_gateway::start(options, ports, &metrics).await?;
            tracing::info!(http = %gateway.http_addr(), "ready");
            stop.await;
            gateway.stop().await;
            Ok(())
        },
    )
}
