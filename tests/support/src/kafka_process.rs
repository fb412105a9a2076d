//! An Apache Kafka of one's own as a child process, which can be killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::address::free_address;
use crate::child::Child;
use crate::java::java;
use crate::patience::until;
use crate::servers::needed;

/// How long a Java machine may take to format the folder, or until the server serves.
const START: Duration = Duration::from_secs(120);
/// What the server says once it serves.
const SERVES: &str = "Kafka Server started";

/// The folder of Apache Kafka's jars, or `None` when the test is to be skipped.
///
/// # Panics
/// As [`needed`].
#[track_caller]
pub fn jars() -> Option<PathBuf> {
    needed("WEIR_TEST_KAFKA_JARS", "the folder of an Apache Kafka's jars").map(PathBuf::from)
}

/// One node with a folder of its own, on an address that stays the same over restarts. It takes seconds to start and 400 MB.
#[derive(Debug)]
pub struct KafkaProcess {
    jars: PathBuf,
    address: String,
    /// How often it was started.
    starts: usize,
    // Dropped before its folder.
    child: Option<Child>,
    folder: TempDir,
}

impl KafkaProcess {
    /// Formats a folder and starts a server on it, with the `java` and the `setpriv` (Linux) of the path. It ends with the
    /// thread that calls this.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(jars: &Path) -> Result<KafkaProcess> {
        let folder = tempfile::Builder::new().prefix("weir-kafka-").tempdir()?;
        let address = free_address().to_string();
        let properties = properties(&address, &free_address().to_string(), &folder.path().join("data"));
        std::fs::write(folder.path().join("properties"), properties)?;
        let mut kafka = KafkaProcess {
            jars: jars.to_owned(),
            address,
            starts: 0,
            child: None,
            folder,
        };
        kafka.format()?;
        kafka.restart()?;
        Ok(kafka)
    }

    /// `host:port` where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it had ended by itself, or cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.child.take().map_or(Ok(()), Child::kill)
    }

    /// Starts it again on the same folder and address, unless it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let mut child = self.java("kafka.Kafka", &[])?;
        self.starts += 1;
        until("Apache Kafka serves", START, || {
            child.ensure_running()?;
            // All starts have one log.
            Ok((child.log().matches(SERVES).count() >= self.starts).then_some(()))
        })?;
        self.child = Some(child);
        Ok(())
    }

    fn format(&self) -> Result<()> {
        let arguments = ["format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c"];
        let mut child = self.java("kafka.tools.StorageTool", &arguments)?;
        let status = child.wait(START)?;
        if !status.success() {
            bail!("formatting ended with {status}:\n{}", child.tail());
        }
        Ok(())
    }

    /// A class of Kafka's with these arguments and the properties file behind them.
    fn java(&self, class: &str, arguments: &[&str]) -> Result<Child> {
        let properties = self.folder.path().join("properties");
        let properties = properties.to_str().context("the folder's name is no UTF-8")?;
        let arguments = [arguments, &[properties]].concat();
        let log = self.folder.path().join("kafka.log");
        java(&self.jars, "512m", class, &arguments, &log)
    }
}

fn properties(address: &str, controller: &str, data: &Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{controller}
listeners=PLAINTEXT://{address},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{address}
controller.listener.names=CONTROLLER
log.dirs={}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
",
        data.display()
    )
}
