//! The binary `product-service`; see `product-service --help`.

use std::process::ExitCode;

use clap::Parser;
use product_service::Options;
use service_common::program;

fn main() -> ExitCode {
    match Options::try_parse() {
        Ok(options) => product_service::run(options),
        Err(error) => program::usage(&error),
    }
}
