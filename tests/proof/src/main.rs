//! `proof`: the long runs of the proof by hand, and the child processes of its tests.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use proof::harness::JOB;
use test_support::{broker_process, child};

use crate::cli::Cli;

fn main() -> ExitCode {
    // The children of the harness are this program under another name: one link for all of them.
    let name = std::env::args_os().next().unwrap_or_default();
    if name == JOB {
        child::end_with_parent();
        return order_analytics::main();
    }
    let outcome = if name == broker_process::NAME {
        broker_process::main().map(|()| ExitCode::SUCCESS)
    } else {
        Cli::parse().run()
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("proof: {error:#}");
        ExitCode::FAILURE
    })
}
