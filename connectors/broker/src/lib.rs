//! A single-node broker that speaks the Kafka protocol, for development and tests.
//!
//! Any Kafka client can talk to it: produce, fetch, idempotent and transactional producers, consumer groups
//! of the classic protocol, topic and group administration. It keeps its records in segment files and
//! everything else in one journal; what it has acknowledged survives the death of the process.
//!
//! It has no replication, no TLS, no SASL, no ACLs and no log compaction. Production is Apache Kafka: change
//! `bootstrap.servers` and nothing else.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), weir_broker::BrokerError> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let path = folder.path().to_path_buf();
//! use weir_broker::Config;
//!
//! let config = Config { listen: ([127, 0, 0, 1], 0).into(), data_dir: path, ..Config::default() };
//! let broker = weir_broker::start(config).await?;
//! println!("bootstrap.servers={}", broker.address());
//! broker.stop().await;
//! # Ok(()) }
//! ```

mod api;
mod config;
mod connection;
mod fault;
mod groups;
mod journal;
mod ledger;
mod locked;
mod log;
mod lost;
mod maintenance;
mod node;
mod pace;
mod partition;
mod producer_state;
mod request_memory;
mod server;
mod shape;
mod synced;
mod topic_config;
mod topics;
mod transactions;
mod waiters;
mod wire;

pub use config::Config;
pub use server::{Broker, BrokerError, start};
