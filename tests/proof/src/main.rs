//! `proof`: the long runs of the proof by hand, and the child processes of its tests.

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use proof::harness::{BROKER, JOB};
use proof::kills::{self, Plan};

#[derive(Parser)]
#[command(about = "Proves that the job loses no order and counts none twice")]
struct Cli {
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

/// A development broker that ends when its standard input closes.
#[derive(Parser)]
struct BrokerArgs {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    data_dir: PathBuf,
}

fn main() -> ExitCode {
    // The children of the harness are this program under another name: one link for all of them.
    let name = std::env::args_os().next().unwrap_or_default();
    if name == JOB {
        end_with_parent();
        return order_analytics::main();
    }
    let outcome = if name == BROKER {
        run_broker(BrokerArgs::parse())
    } else {
        run(Cli::parse())
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("proof: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Kills(options) => run_kills(options),
    }
}

fn run_kills(options: Kills) -> Result<ExitCode> {
    let seed = match options.seed {
        Some(seed) => seed,
        None => std::time::UNIX_EPOCH
            .elapsed()
            .context("the clock stands before 1970")?
            .as_secs(),
    };
    let plan = Plan {
        proof: std::env::current_exe()?,
        kafka: options.kafka,
        workers: options.workers,
        seed,
        kills: options.kills,
        kills_a_round: options.kills_a_round,
        freeze: Duration::from_secs(options.freeze),
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
    })?;
    println!("{tally}");
    println!(
        "kills {}, lost {}, doubled {}",
        tally.kills, tally.lost, tally.doubled
    );
    Ok(if tally.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_broker(options: BrokerArgs) -> Result<ExitCode> {
    end_with_parent();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let config = weir_broker::Config {
            listen: options.listen,
            data_dir: options.data_dir,
            ..weir_broker::Config::default()
        };
        let broker = weir_broker::start(config).await?;
        println!("listening on {}", broker.address());
        tokio::signal::ctrl_c().await?;
        broker.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Ends this process when the pipe to its standard input closes, which it does when the parent dies in whatever way.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0_u8; 16];
        while matches!(std::io::stdin().read(&mut nothing), Ok(read) if read > 0) {}
        std::process::exit(1);
    });
}
