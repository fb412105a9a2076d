//! The broker that is measured with: our own as a process, or one that runs already.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use weir_kafka::{Connection, TopicSpec};

use crate::orders::PARTITIONS;
use crate::process::{Process, Role, until};

/// A broker.
#[derive(Debug)]
pub(crate) struct Server {
    address: String,
    own: Option<Process>,
    /// Topics that a broker which stays must not keep.
    made: Mutex<Vec<String>>,
}

/// How long a broker may take to listen.
const START: Duration = Duration::from_secs(30);

impl Server {
    /// Starts the development broker with its data in `folder`, or takes the one that is named.
    pub(crate) fn start(kafka: Option<&str>, folder: &Path) -> Result<Server> {
        if let Some(address) = kafka {
            return Ok(Server {
                address: address.to_owned(),
                own: None,
                made: Mutex::default(),
            });
        }
        let address = free_address()?;
        let data = folder.join("broker");
        let args = [
            "--listen".to_owned(),
            address.to_string(),
            "--data-dir".to_owned(),
            data.display().to_string(),
        ];
        let mut process = Process::start(Role::Broker, &args, &folder.join("broker.log"))?;
        until("broker listens", START, || {
            process.ensure_running()?;
            Ok(TcpStream::connect(address).ok())
        })?;
        Ok(Server {
            address: address.to_string(),
            own: Some(process),
            made: Mutex::default(),
        })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The development broker's process, unless another broker is used.
    pub(crate) fn own(&self) -> Option<&Process> {
        self.own.as_ref()
    }

    /// How it is called in the report.
    pub(crate) fn name(&self) -> &'static str {
        match self.own {
            Some(_) => "development broker",
            None => "Apache Kafka",
        }
    }

    /// How the connectors reach it.
    pub(crate) fn connection(&self) -> Connection {
        Connection::new(self.address())
    }

    /// Creates a topic for orders that keeps them, however old their timestamps are.
    pub(crate) fn create_orders(&self, topic: &str) -> Result<()> {
        self.create(topic, PARTITIONS)
    }

    /// Creates a topic.
    pub(crate) fn create(&self, topic: &str, partitions: i32) -> Result<()> {
        self.note([topic.to_owned()]);
        let spec = TopicSpec {
            name: topic.to_owned(),
            partitions,
            configs: vec![("retention.ms", "-1".to_owned())],
        };
        Ok(weir_kafka::ensure(&self.connection(), &[spec])?)
    }

    /// Notes topics that will be made.
    pub(crate) fn note(&self, topics: impl IntoIterator<Item = String>) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.extend(topics);
        made.sort_unstable();
        made.dedup();
    }

    /// Deletes what was made on a broker that stays; a topic that cannot be deleted is told of.
    pub(crate) fn clean_up(&self) -> Result<()> {
        if self.own.is_some() {
            return Ok(());
        }
        let topics = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", self.address())
            .create()?;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(20)));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        for answer in runtime.block_on(admin.delete_topics(&topics, &options))? {
            if let Err((topic, code)) = answer {
                eprintln!("topic {topic} stays: {code}");
            }
        }
        Ok(())
    }
}

/// An address that nobody listens on; the port stays free once the listener is gone.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    data_dir: PathBuf,
}

/// The child that is the development broker; it ends with its parent.
pub(crate) fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = weir_broker::Config {
            listen: arguments.listen,
            data_dir: arguments.data_dir,
            ..weir_broker::Config::default()
        };
        let _broker = weir_broker::start(config).await.context("development broker")?;
        std::future::pending().await
    })
}
