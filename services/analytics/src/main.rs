//! The binary `analytics-service`; see `analytics-service --help`.

use std::process::ExitCode;

use analytics_service::Options;
use clap::Parser;
use service_common::program;

fn main() -> ExitCode {
    match Options::try_parse() {
        Ok(options) => analytics_service::run(options),
        Err(error) => program::usage(&error),
    }
}
