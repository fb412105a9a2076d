//! `benchmark`: fills a topic with orders and measures the job, and librdkafka's floor, over the same records.
//!
//! | module | what it is |
//! |---|---|
//! | `measure` | one file for each thing measured |
//! | `orders`, `fill`, `live` | the orders, written as fast as possible, and at a rate |
//! | `server`, `job`, `floor` | the broker, the job and the floor, each a process of its own |
//! | `process`, `proc_fs`, `stalls` | children, their processor time and memory; what the machine does to threads |
//! | `report` | the table |
//! | `shop` | the shop: its services as processes, its clients, and PostgreSQL by itself |

mod fill;
mod floor;
mod http;
mod job;
mod live;
mod measure;
mod options;
mod orders;
mod proc_fs;
mod process;
mod report;
mod server;
mod shop;
mod stalls;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use test_support::{broker_process, child};

use crate::measure::Bench;
use crate::options::{Command, Options};
use crate::process::Role;
use crate::report::Report;

fn main() -> ExitCode {
    // The children are this program under another name: one link for all of them.
    let name = std::env::args_os().next().unwrap_or_default();
    let outcome = match Role::called(&name) {
        Some(role) => {
            child::end_with_parent();
            match role {
                Role::Job => return order_analytics::main(),
                Role::Broker => broker_process::main(),
                Role::Floor => floor::main(),
            }
        }
        None => {
            let options = Options::parse();
            match &options.command {
                None => run(&options),
                Some(Command::Shop(shop)) => shop::run(shop),
                Some(Command::Soak(soak)) => shop::soak(soak),
            }
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmark: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let mut report = Report::default();
    let bench = Bench::start(options)?;
    eprintln!("{}", bench.setting());
    let measured = bench.measure(&mut report);
    // What was measured before a failure is still worth reading.
    println!("{}\n\n{}\n{}", bench.setting(), report.plain(), report.markdown());
    measured
}
