//! The binary `product-service`; see `product-service --help`.

use std::process::ExitCode;

use product_service::{NAME, run, store};
use service_common::program;

fn main() -> ExitCode {
    program::with_database(NAME, store::OWNER, store::STEPS, run)
}
