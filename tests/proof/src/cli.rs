//! The command line.

use std::num::NonZero;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use proof::kills::{self, Plan};
use proof::shop;
use test_support::postgres_process;

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
    /// Kills the services of the shop, its broker and its database while clients order, and judges answers, orders,
    /// events, money, stock and windows against each other
    ShopKills(ShopKills),
    /// Loses a region with everything in it while clients order, begins again in another one, and judges what is there: the
    /// drill of docs/disaster-recovery.md
    RegionLost(RegionLost),
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

#[derive(Args)]
struct ShopKills {
    /// How long, in minutes
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How long clients order before the shop is judged and a new one begun, in seconds
    #[arg(long, default_value_t = 60)]
    seconds_a_round: u64,
    /// How many clients order at a time
    #[arg(long, default_value_t = 4)]
    clients: u32,
    /// The same seed makes the same choices [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// A PostgreSQL of its own in every round, which is killed as well; without, in every second one if it is installed
    #[arg(long)]
    postgres: bool,
    /// Apache Kafka at host:port instead of the development broker; it is not killed
    #[arg(long)]
    kafka: Option<String>,
}

#[derive(Args)]
struct RegionLost {
    /// The folder of the jars of Apache Kafka and of its mirror, which `.ci/with-services` fetches
    #[arg(long, env = "WEIR_TEST_KAFKA_JARS")]
    jars: std::path::PathBuf,
    /// How long clients order before the loss, and after the recovery, in seconds
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How far the mirror is behind when the region is lost, in seconds
    #[arg(long, default_value_t = 2)]
    behind: u64,
    /// How far the replica of the database is behind then, in seconds; with 0 it lies beside, and misses nothing
    #[arg(long, default_value_t = 0)]
    replica_behind: u64,
    /// How many clients order at a time
    #[arg(long, default_value_t = 4)]
    clients: u32,
    /// The same seed makes the same choices [default: the time]
    #[arg(long)]
    seed: Option<u64>,
}

impl RegionLost {
    fn run(self) -> Result<ExitCode> {
        let seed = seed(self.seed)?;
        println!("seed {seed}");
        let plan = shop::Plan {
            proof: std::env::current_exe()?,
            postgres: Some(postgres_process::programs().context("there is no PostgreSQL")?),
            kafka: None,
            seed,
            load: Duration::from_secs(self.seconds),
            clients: self.clients,
            kills: false,
        };
        let lag = shop::region::Lag {
            mirror: Duration::from_secs(self.behind),
            replica: Duration::from_secs(self.replica_behind),
        };
        let (tally, report) = shop::region::lose(&plan, &self.jars, lag);
        println!("{tally}\n{}", tally.faults.join("\n"));
        println!("{report}");
        Ok(success(tally.holds()))
    }
}

/// The given one, or the time.
fn seed(given: Option<u64>) -> Result<u64> {
    let since_1970 = || std::time::UNIX_EPOCH.elapsed();
    match given {
        Some(seed) => Ok(seed),
        None => Ok(since_1970().context("the clock stands before 1970")?.as_secs()),
    }
}

fn success(holds: bool) -> ExitCode {
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl ShopKills {
    fn run(self) -> Result<ExitCode> {
        let end = Instant::now() + Duration::from_secs(self.minutes * 60);
        let programs = postgres_process::programs();
        if self.postgres && programs.is_none() {
            bail!("there is no PostgreSQL");
        }
        let mut all = shop::Tally::default();
        for (round, seed) in (seed(self.seed)?..).enumerate() {
            let on_postgres = self.postgres || round % 2 == 1;
            let plan = shop::Plan {
                proof: std::env::current_exe()?,
                postgres: programs.clone().filter(|_| on_postgres),
                kafka: self.kafka.clone(),
                seed,
                load: Duration::from_secs(self.seconds_a_round),
                clients: self.clients,
                kills: true,
            };
            println!(
                "seed {seed}{}",
                if plan.postgres.is_some() {
                    ", PostgreSQL"
                } else {
                    ""
                }
            );
            let tally = shop::run(&plan);
            println!("{tally}\n{}", tally.faults.join("\n"));
            all.add(&tally);
            if Instant::now() >= end {
                break;
            }
        }
        println!("in all: {all}");
        Ok(success(all.holds()))
    }
}

impl Cli {
    /// Does what the command line says; success when nothing was lost or doubled.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self.command {
            Command::Kills(options) => options.run(),
            Command::ShopKills(options) => options.run(),
            Command::RegionLost(options) => options.run(),
        }
    }
}

impl Kills {
    fn run(self) -> Result<ExitCode> {
        let seed = seed(self.seed)?;
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
        Ok(success(tally.holds()))
    }
}
