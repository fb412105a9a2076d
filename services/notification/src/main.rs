//! The binary `notification-service`; see `notification-service --help`.

use std::process::ExitCode;

use service_common::program;

fn main() -> ExitCode {
    program::serve_by(std::env::args_os(), notification_service::run)
}
