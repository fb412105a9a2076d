//! The binary `payment-service`; see `payment-service --help`.

use std::process::ExitCode;

use clap::Parser;
use payment_service::Options;
use service_common::program;

fn main() -> ExitCode {
    match Options::try_parse() {
        Ok(options) => payment_service::run(options),
        Err(error) => program::usage(&error),
    }
}
