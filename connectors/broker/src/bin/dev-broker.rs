//! The development broker as a program.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use weir_broker::{Broker, BrokerError, Config};

/// A single-node Kafka broker for development and tests.
///
/// Any Kafka client can talk to it: idempotent and transactional producers, read_committed consumers, consumer
/// groups (classic protocol), topic and group administration. What it has acknowledged survives kill -9.
///
/// What it is not: there is no replication, no TLS, no SASL, no ACLs and no log compaction
/// (cleanup.policy=compact is accepted, and such a topic keeps everything). Unless --fsync is given, the last
/// records may be lost when the machine (not just the process) dies. Production is Apache Kafka.
#[derive(Debug, Parser)]
#[command(name = "dev-broker", version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one, the address is printed
    #[arg(long, default_value = "127.0.0.1:9092", env = "DEV_BROKER_LISTEN")]
    listen: SocketAddr,
    /// Folder for all data; made if it is missing
    #[arg(long, env = "DEV_BROKER_DATA_DIR")]
    data_dir: PathBuf,
    /// Host and port that clients are told to connect to [default: the address they connected to]
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    advertised: Option<(String, u16)>,
    /// Partitions of a topic that is created without a number
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    default_partitions: i32,
    /// Create a topic when a client asks for one that is missing
    #[arg(long)]
    auto_create_topics: bool,
    /// Sync files to the disk before anything is acknowledged
    #[arg(long)]
    fsync: bool,
    /// Size at which a segment file is closed, in bytes
    #[arg(long, default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1024..=i32::MAX as u64))]
    segment_bytes: u64,
    /// Age at which records are deleted, in milliseconds; -1 keeps them
    #[arg(long, default_value_t = 604_800_000, allow_hyphen_values = true)]
    retention_ms: i64,
    /// Size above which the oldest segments of a partition are deleted, in bytes; -1 is no limit
    #[arg(long, default_value_t = -1, allow_hyphen_values = true)]
    retention_bytes: i64,
    /// How often retention is looked after, in milliseconds
    #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    retention_check_ms: u64,
    /// Largest record batch, in bytes
    #[arg(long, default_value_t = 1_048_588)]
    max_message_bytes: usize,
    /// Largest request, in bytes
    #[arg(long, default_value_t = 100 << 20)]
    max_request_bytes: usize,
    /// Connections at a time
    #[arg(long, default_value_t = 4096)]
    max_connections: usize,
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("expected HOST:PORT")?;
    let port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
    if host.is_empty() {
        Err("expected HOST:PORT".into())
    } else {
        Ok((host.to_owned(), port))
    }
}

impl From<Arguments> for Config {
    fn from(arguments: Arguments) -> Self {
        Self {
            listen: arguments.listen,
            data_dir: arguments.data_dir,
            advertised: arguments.advertised,
            default_partitions: arguments.default_partitions,
            auto_create_topics: arguments.auto_create_topics,
            fsync: arguments.fsync,
            segment_bytes: arguments.segment_bytes,
            retention_ms: arguments.retention_ms,
            retention_bytes: arguments.retention_bytes,
            retention_check: Duration::from_millis(arguments.retention_check_ms),
            max_message_bytes: arguments.max_message_bytes,
            max_request_bytes: arguments.max_request_bytes,
            max_connections: arguments.max_connections,
            ..Self::default()
        }
    }
}

/// `RUST_LOG` sets the level (default `info`).
fn init_log() {
    let filter = std::env::var("RUST_LOG")
        .ok()
        .and_then(|filter| filter.parse().ok());
    let filter: Targets = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let layer = tracing_subscriber::fmt::layer()
        // A line that cannot be written, on a full disk for one, is lost: telling so would end the thread in a panic.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(layer).init();
}

fn main() -> ExitCode {
    let config = Config::from(Arguments::parse());
    init_log();
    raise_file_limit(config.max_connections);

    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start threads: {error}")),
    };
    match runtime.block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("dev-broker: {message}");
    ExitCode::FAILURE
}

async fn run(config: Config) -> Result<(), BrokerError> {
    let exposed = !config.listen.ip().is_loopback();
    let broker: Broker = weir_broker::start(config).await?;
    if exposed {
        tracing::warn!(address = %broker.address(), "this is not a loopback address: there is no access control, anybody who reaches it may read, write and delete everything");
    }
    println!("listening on {}", broker.address());
    stop_signal().await;
    broker.stop().await;
    Ok(())
}

async fn stop_signal() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Connections and segment files are file descriptors; the usual soft limit of 1024 is too few. Half of them are
/// for partitions.
fn raise_file_limit(connections: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let wanted = 2 * (connections as u64).max(10_000);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |most| most.min(wanted)));
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "limit of open files is as it was");
        }
    }
}
