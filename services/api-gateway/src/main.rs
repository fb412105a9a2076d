//! The binary `api-gateway`; see `api-gateway --help`.

use std::process::ExitCode;

use api_gateway::Options;
use clap::Parser;
use service_common::program;

fn main() -> ExitCode {
    match Options::try_parse() {
        Ok(options) => api_gateway::run(options),
        Err(error) => program::usage(&error),
    }
}
