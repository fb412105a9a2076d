//! The binary `api-gateway`; see `api-gateway --help`.

use std::process::ExitCode;

use service_common::program;

fn main() -> ExitCode {
    program::serve_by(std::env::args_os(), api_gateway::run)
}
