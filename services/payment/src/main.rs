//! The binary `payment-service`; see `payment-service --help`.

use std::process::ExitCode;

use payment_service::{NAME, run, store};
use service_common::program;

fn main() -> ExitCode {
    program::with_database(NAME, store::OWNER, store::STEPS, run)
}
