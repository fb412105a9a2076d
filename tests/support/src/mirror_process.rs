//! Apache Kafka's MirrorMaker 2 as a child process: it copies topics of one cluster into another.

use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::child::Child;
use crate::java::java;

/// A running mirror. Topics keep their names, and records their partitions, keys, headers and timestamps; offsets may differ.
#[derive(Debug)]
pub struct MirrorProcess {
    // Dropped before its folder.
    child: Child,
    _folder: TempDir,
}

impl MirrorProcess {
    /// Copies these topics from the cluster at `source` to that at `target`, from their beginning, with the `java` and the
    /// `setpriv` (Linux) of the path. It ends with the thread that calls this.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(jars: &Path, source: &str, target: &str, topics: &[&str]) -> Result<MirrorProcess> {
        let folder = tempfile::Builder::new().prefix("weir-mirror-").tempdir()?;
        let file = folder.path().join("properties");
        std::fs::write(&file, properties(source, target, &topics.join(",")))?;
        let class = "org.apache.kafka.connect.mirror.MirrorMaker";
        let arguments = [file.to_str().context("the folder's name is no UTF-8")?];
        let child = java(jars, "256m", class, &arguments, &folder.path().join("mirror.log"))?;
        Ok(MirrorProcess {
            child,
            _folder: folder,
        })
    }

    /// Nothing while it runs.
    ///
    /// # Errors
    /// When it has ended; the end of its log is in the error.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.child.ensure_running()
    }

    /// SIGSTOP: it copies nothing more.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub fn freeze(&self) -> Result<()> {
        self.child.freeze()
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it had ended by itself.
    pub fn kill(self) -> Result<()> {
        self.child.kill()
    }
}

fn properties(source: &str, target: &str, topics: &str) -> String {
    format!(
        "clusters=one,two
one.bootstrap.servers={source}
two.bootstrap.servers={target}
one->two.enabled=true
one->two.topics={topics}
two->one.enabled=false
replication.policy.class=org.apache.kafka.connect.mirror.IdentityReplicationPolicy
replication.factor=1
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
checkpoints.topic.replication.factor=1
heartbeats.topic.replication.factor=1
offset-syncs.topic.replication.factor=1
offset-syncs.topic.location=target
emit.heartbeats.enabled=false
emit.checkpoints.enabled=false
sync.topic.acls.enabled=false
refresh.topics.interval.seconds=1
tasks.max=1
dedicated.mode.enable.internal.rest=false
"
    )
}
