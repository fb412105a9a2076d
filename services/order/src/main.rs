//! The binary `order-service`; see `order-service --help`.

use std::process::ExitCode;

use order_service::{NAME, run, store};
use service_common::program;

fn main() -> ExitCode {
    program::with_database(NAME, store::OWNER, store::STEPS, run)
}
