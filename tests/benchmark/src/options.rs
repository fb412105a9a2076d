//! The command line.

use clap::{Parser, Subcommand, ValueEnum};

use crate::shop::{ShopOptions, SoakOptions};

/// Measures the order analytics job, and librdkafka's floor, over the same orders, and prints one table.
///
/// Broker, floor and job are processes of their own; the job's figures are those of its whole process, start and end
/// included. The table is printed twice: as text, and as Markdown for docs/benchmarks.md.
#[derive(Debug, Parser)]
#[command(name = "benchmark", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// Something else than the job
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Orders of the throughput measurement
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) orders: u64,
    /// A running Apache Kafka instead of the development broker; topics are made there and deleted at the end
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka: Option<String>,
    /// Orders a second while orders come live
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) rate: u64,
    /// Measure only this; may be repeated
    #[arg(long, value_enum)]
    pub(crate) only: Vec<Part>,
    /// Worker threads of the job
    #[arg(long, default_value_t = 1)]
    pub(crate) workers: u32,
    /// Runs of floor and job, and kills; the median is told
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// How long result latency is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) latency_seconds: u64,
    /// How long the idle job is watched
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) idle_seconds: u64,
}

/// What is measured instead of the job.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures the shop: its services on PostgreSQL and on embedded parts, and PostgreSQL by itself in the same run
    Shop(ShopOptions),
    /// Lets orders come for a long time and looks whether anything grows
    Soak(SoakOptions),
}

/// One of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Orders per CPU-second and per second, peak memory, against librdkafka's floor
    Throughput,
    /// From the moment a window may close to its result being readable
    Latency,
    /// Processor time while no orders come
    Idle,
    /// From SIGKILL to caught up
    Recovery,
}

impl Options {
    /// Whether this is to be measured.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
