//! The binary `notification-service`; see `notification-service --help`.

use std::process::ExitCode;

use clap::Parser;
use notification_service::Options;
use service_common::program;

fn main() -> ExitCode {
    match Options::try_parse() {
        Ok(options) => notification_service::run(options),
        Err(error) => program::usage(&error),
    }
}
