//! The broker that is measured with: our own as a process, or one that runs already.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use test_support::broker_process::BrokerProcess;
use weir_kafka::{Connection, TopicSpec};

use crate::orders::PARTITIONS;
use crate::proc_fs;
use crate::process::Peak;

/// A broker.
#[derive(Debug)]
pub(crate) struct Server {
    address: String,
    own: Option<Own>,
    /// Topics that a broker which stays must not keep.
    made: Mutex<Vec<String>>,
}

/// The development broker, measured.
#[derive(Debug)]
pub(crate) struct Own {
    process: BrokerProcess,
    peak: Peak,
}

impl Own {
    fn start() -> Result<Own> {
        let process = BrokerProcess::start(&std::env::current_exe()?)?;
        let child = process.child().context("the broker was just started")?;
        let peak = Peak::watch(child.id());
        Ok(Own { process, peak })
    }

    /// Processor time so far, of the threads that live.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let child = self.process.child().context("the broker is gone")?;
        proc_fs::threads_cpu(child.id())
    }

    /// The most memory so far, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.peak.kib()
    }
}

impl Server {
    /// Starts the development broker, or takes the one that is named.
    pub(crate) fn start(kafka: Option<&str>) -> Result<Server> {
        if let Some(address) = kafka {
            return Ok(Server {
                address: address.to_owned(),
                own: None,
                made: Mutex::default(),
            });
        }
        let own = Own::start()?;
        Ok(Server {
            address: own.process.address().to_owned(),
            own: Some(own),
            made: Mutex::default(),
        })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The development broker's process, unless another broker is used.
    pub(crate) fn own(&self) -> Option<&Own> {
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
