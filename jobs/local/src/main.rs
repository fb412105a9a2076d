//! Weir on one machine: an embedded broker, a shop that orders, the analytics job, and a check of it all.

mod check;
mod clock;
mod customers;
mod failure;
mod folder;
mod follow;
mod generator;
mod input;
mod kafka;
mod logging;
mod options;
mod platform;
mod producer;
mod run;
mod screen;
mod shop;
mod signals;
mod topic_names;

use std::process::ExitCode;

use crate::failure::{CHECK_FAILED, Failure};
use crate::options::Options;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args_os()) {
        Ok(options) => options,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Failure::USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run::run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(CHECK_FAILED),
        Err(failure) => {
            eprintln!("weir: {failure}");
            ExitCode::from(failure.code())
        }
    }
}
