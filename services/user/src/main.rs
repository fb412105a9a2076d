//! The binary `user-service`; see `user-service --help`.

use std::process::ExitCode;

use service_common::{command_line, program};
use user_service::{Command, NAME, store};

/// What the errands log: what went wrong.
const QUIET: &str = "warn";

fn main() -> ExitCode {
    match Command::parse(std::env::args_os()) {
        Ok(Command::Serve(options)) => user_service::run(*options),
        Ok(Command::CreateAdmin(errand)) => program::run(NAME, QUIET, || errand.run(std::io::stdin().lock())),
        Ok(Command::Migrate(errand)) => program::migrate(NAME, store::OWNER, store::STEPS, errand),
        Ok(Command::IssueServiceToken(errand)) => program::run(NAME, QUIET, || async move { errand.run() }),
        Err(error) => command_line::usage(&error),
    }
}
