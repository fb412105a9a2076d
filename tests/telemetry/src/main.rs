//! A service, or the job, as a process of its own, by its name: `shop-process order-service --grpc-addr ...`.

use std::process::ExitCode;

use service_common::program::serve_by;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let arguments = std::env::args_os().skip(1);
    match name.as_str() {
        analytics_service::NAME => serve_by(arguments, analytics_service::run),
        api_gateway::NAME => serve_by(arguments, api_gateway::run),
        order_service::NAME => serve_by(arguments, order_service::run),
        payment_service::NAME => serve_by(arguments, payment_service::run),
        product_service::NAME => serve_by(arguments, product_service::run),
        "order-analytics" => order_analytics::main_of(arguments),
        user_service::NAME => serve_by(arguments, user_service::run),
        name => {
            eprintln!("there is no service `{name}`");
            ExitCode::FAILURE
        }
    }
}
