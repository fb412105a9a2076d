//! A service, or the job, as a process of its own, by its name: `shop-process order-service --grpc-addr ...`.

use std::process::ExitCode;

use clap::Parser;
use service_common::program;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let arguments = std::env::args_os().skip(1);
    match name.as_str() {
        analytics_service::NAME => run(
            analytics_service::Options::try_parse_from(arguments),
            analytics_service::run,
        ),
        api_gateway::NAME => run(api_gateway::Options::try_parse_from(arguments), api_gateway::run),
        order_service::NAME => run(
            order_service::Options::try_parse_from(arguments),
            order_service::run,
        ),
        payment_service::NAME => run(
            payment_service::Options::try_parse_from(arguments),
            payment_service::run,
        ),
        product_service::NAME => run(
            product_service::Options::try_parse_from(arguments),
            product_service::run,
        ),
        "order-analytics" => order_analytics::main_of(arguments),
        user_service::NAME => run(
            user_service::Options::try_parse_from(arguments),
            user_service::run,
        ),
        name => {
            eprintln!("there is no service `{name}`");
            ExitCode::FAILURE
        }
    }
}

fn run<O>(options: Result<O, clap::Error>, service: impl FnOnce(O) -> ExitCode) -> ExitCode {
    match options {
        Ok(options) => service(options),
        Err(error) => program::usage(&error),
    }
}
