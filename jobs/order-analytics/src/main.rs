//! The binary `order-analytics`; see `order-analytics --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    order_analytics::main()
}
