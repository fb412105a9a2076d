//! The binary `order-service`; see `order-service --help`.

use std::process::ExitCode;

use clap::Parser;
use order_service::Options;
use service_common::program;

fn main() -> ExitCode {
    match Options::try_parse() {
        Ok(options) => order_service::run(options),
        Err(error) => program::usage(&error),
    }
}
