//! The command line.

use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use proof::kills::{self, Plan};

/// Proves that the job loses no order and counts none twice
#[derive(Parser)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kills the job and its broker while orders flow, and compares every window with SQL over the same orders
    Kills(Kills),
}

#[derive(Args)]
struct Kills {
    /// How many processes to kill
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// Kills before a topic is judged and a new one begun
    #[arg(long, default_value_t = 25)]
    kills_a_round: u32,
    /// Rounds that run side by side: a killed job mostly waits. Where processors are scarce more of them make the job
    /// miss the named moments it is to die at
    #[arg(long, default_value = "2")]
    side_by_side: NonZero<usize>,
    /// Numbers of workers to choose from at each start
    #[arg(long, value_delimiter = ',', default_value = "1,2,4")]
    workers: Vec<u32>,
    /// The same seed makes the same choices [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// Apache Kafka at host:port instead of the development broker; it is not killed
    #[arg(long)]
    kafka: Option<String>,
    /// Seconds that the job is frozen (SIGSTOP) once
    #[arg(long, default_value_t = 60)]
    freeze: u64,
}

impl Cli {
    /// Does what the command line says; success when nothing was lost or doubled.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Kills(options) => options.run(),
        }
    }
}

impl Kills {
    fn run(self) -> Result<ExitCode> {
        let seed = match self.seed {
            Some(seed) => seed,
            None => std::time::UNIX_EPOCH
                .elapsed()
                .context("the clock stands before 1970")?
                .as_secs(),
        };
        let plan = Plan {
            proof: std::env::current_exe()?,
            kafka: self.kafka,
            workers: self.workers,
            seed,
            kills: self.kills,
            kills_a_round: self.kills_a_round,
            side_by_side: self.side_by_side,
            freeze: Duration::from_secs(self.freeze),
        };
        println!("seed {seed}");
        let tally = kills::run(&plan, |round, all| {
            println!(
                "round {}, {} of {} kills: {round}",
                all.rounds, all.kills, plan.kills
            );
            for fault in &round.faults {
                println!("{fault}");
            }
        });
        println!("{tally}");
        println!(
            "kills {}, lost {}, doubled {}, faults {}",
            tally.kills,
            tally.lost,
            tally.doubled,
            tally.faults.len()
        );
        Ok(if tally.holds() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
