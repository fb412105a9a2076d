//! The embedded broker with its topics.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;
use weir_broker::{Broker, BrokerError, Config};
use weir_kafka::{Connection, TopicSpec, ensure, offsets, read_last};

use crate::failure::Failure;
use crate::topic_names::{DLQ, NOTIFICATIONS, ORDERS, RESULTS};

/// Partitions of the `orders` topic.
pub(crate) const PARTITIONS: i32 = 4;
/// Orders are kept for a week, and longer where the history asked for is.
const LEAST_RETENTION: Duration = Duration::from_secs(7 * 86_400);
/// What comes out lies for ten years, as when the job creates the topics.
const LONG_RETENTION_MS: &str = "315360000000";

/// The running broker.
pub(crate) struct Kafka {
    broker: Broker,
    /// How to reach it.
    pub(crate) connection: Connection,
}

/// How long orders are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Retention {
    /// For ever: a file's orders are old from the start.
    Endless,
    /// At least a week, and twice this long.
    Twice(Duration),
}

impl Kafka {
    /// Starts the broker and creates its topics.
    ///
    /// # Errors
    /// The port is taken, or the folder is in use.
    pub(crate) fn start(
        runtime: &Runtime,
        listen: SocketAddr,
        data_dir: PathBuf,
        retention: Retention,
    ) -> Result<Self, Failure> {
        let config = Config {
            listen,
            data_dir,
            ..Config::default()
        };
        let broker = runtime
            .block_on(weir_broker::start(config))
            .map_err(|error| match error {
                BrokerError::Listen { address, source } => {
                    Failure::unavailable(taken("--listen", address, &source))
                }
                other => Failure::unavailable(format!("--data-dir: {other}")),
            })?;
        let connection = Connection::new(broker.address().to_string());
        let topic = |name: &str, partitions, retention_ms: String| TopicSpec {
            name: name.to_owned(),
            partitions,
            configs: vec![
                ("cleanup.policy", "delete".to_owned()),
                ("retention.ms", retention_ms),
            ],
        };
        let retention_ms = match retention {
            Retention::Endless => "-1".to_owned(),
            Retention::Twice(history) => (history * 2).max(LEAST_RETENTION).as_millis().to_string(),
        };
        let topics = [
            topic(ORDERS, PARTITIONS, retention_ms),
            topic(RESULTS, 1, LONG_RETENTION_MS.to_owned()),
            topic(DLQ, 1, LONG_RETENTION_MS.to_owned()),
            topic(NOTIFICATIONS, 1, LEAST_RETENTION.as_millis().to_string()),
        ];
        ensure(&connection, &topics).context("cannot create the topics")?;
        Ok(Self { broker, connection })
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.broker.address()
    }

    /// Where each partition of the orders ends.
    pub(crate) fn order_ends(&self) -> Result<BTreeMap<i32, i64>> {
        let partitions = offsets(&self.connection, ORDERS)?.into_iter();
        Ok(partitions.map(|(partition, (_, end))| (partition, end)).collect())
    }

    /// The time of the newest order, UTC milliseconds.
    pub(crate) fn newest_order_ms(&self) -> Result<Option<i64>> {
        let mut newest_ms = None;
        for partition in offsets(&self.connection, ORDERS)?.into_keys() {
            let last = read_last(&self.connection, ORDERS, partition, |_| true)?;
            newest_ms = newest_ms.max(last.and_then(|record| record.timestamp));
        }
        Ok(newest_ms)
    }

    /// Stops the broker; what it has acknowledged is on disk.
    pub(crate) fn stop(self, runtime: &Runtime) {
        runtime.block_on(self.broker.stop());
    }
}

/// Whether the job's HTTP port can be had; asked before anything is started, as the job comes last.
///
/// # Errors
/// The port is taken.
pub(crate) fn free_port(flag: &str, address: SocketAddr) -> Result<(), Failure> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::unavailable(taken(flag, address, &error))),
    }
}

fn taken(flag: &str, address: SocketAddr, error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        let free = SocketAddr::new(address.ip(), 0);
        return format!(
            "{flag}: port {} is taken by another program; stop it, or take any free port with {flag} {free}",
            address.port()
        );
    }
    format!("{flag}: cannot listen on {address}: {error}")
}
