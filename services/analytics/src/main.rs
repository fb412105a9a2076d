//! The binary `analytics-service`; see `analytics-service --help`.

use std::process::ExitCode;

use service_common::program;

fn main() -> ExitCode {
    program::serve_by(std::env::args_os(), analytics_service::run)
}
