//! Everything the requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use kafka_protocol::ResponseError;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::fault::Fault;
use crate::groups::Groups;
use crate::journal::Journal;
use crate::locked::now_ms;
use crate::request_memory::RequestMemory;
use crate::topics::Topics;
use crate::transactions::Transactions;

/// Requests that may be at the disk at a time; the others wait without a thread.
const DISK_REQUESTS: usize = 16;

/// The broker's parts.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) config: Arc<Config>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) transactions: Transactions,
    pub(crate) groups: Groups,
    pub(crate) alarm: Alarm,
    pub(crate) stopping: CancellationToken,
    pub(crate) request_memory: RequestMemory,
    disk: Arc<Semaphore>,
    /// Held as long as the folder is used.
    _lock: std::fs::File,
}

impl Node {
    pub(crate) fn new(config: Arc<Config>, lock: std::fs::File) -> std::io::Result<Self> {
        let journal = Arc::new(Journal::open(
            &config.data_dir,
            config.fsync,
            config.journal_compact_bytes,
        )?);
        let topics = Arc::new(Topics::open(Arc::clone(&journal), Arc::clone(&config))?);
        let transactions = Transactions::new(Arc::clone(&journal), Arc::clone(&topics), Arc::clone(&config));
        Ok(Self {
            journal,
            topics,
            transactions,
            groups: Groups::default(),
            alarm: Alarm::default(),
            stopping: CancellationToken::new(),
            request_memory: RequestMemory::new(config.request_memory_bytes, config.max_request_bytes),
            disk: Arc::new(Semaphore::new(DISK_REQUESTS)),
            config,
            _lock: lock,
        })
    }

    /// Does work that blocks on files, on a thread made for that.
    pub(crate) async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Node) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let permit = Arc::clone(&self.disk)
            .acquire_owned()
            .await
            .map_err(|_| ResponseError::BrokerNotAvailable)?;
        let node = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&node);
            // Whoever has all permits may take it that nobody else uses the folder.
            drop(node);
            drop(permit);
            done
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "a request died");
            Fault::new(
                ResponseError::UnknownServerError,
                "the request died in the broker",
            )
        })
    }
}

impl Node {
    /// Waits for the work that was begun on files, lets no more begin, and writes the checkpoint of every log.
    pub(crate) async fn close(self: &Arc<Self>, patience: Duration) {
        let all = Arc::clone(&self.disk).acquire_many_owned(DISK_REQUESTS as u32);
        let Ok(Ok(_all)) = tokio::time::timeout(patience, all).await else {
            tracing::warn!("work on files does not end: no checkpoints are written");
            return;
        };
        self.disk.close();
        let node = Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || node.write_checkpoints()).await;
    }

    fn write_checkpoints(&self) {
        for topic in self.topics.all() {
            let fsync = topic.settings().log.fsync;
            for partition in (0..topic.partition_count()).filter_map(|index| topic.partition(index)) {
                let _ = partition.with_log(|log| {
                    log.checkpoint(fsync);
                    Ok(())
                });
            }
        }
    }
}

/// Wakes the maintenance when something falls due before it planned to look.
#[derive(Debug)]
pub(crate) struct Alarm {
    /// When it will look; `i64::MAX` while it is looking, so that whatever falls due then makes it look again.
    planned_ms: AtomicI64,
    earlier: Notify,
}

impl Default for Alarm {
    fn default() -> Self {
        Self {
            planned_ms: AtomicI64::new(i64::MAX),
            earlier: Notify::new(),
        }
    }
}

impl Alarm {
    /// Something falls due at that moment (milliseconds since 1970).
    pub(crate) fn due_at(&self, at_ms: i64) {
        if at_ms < self.planned_ms.load(Ordering::Acquire) {
            self.earlier.notify_one();
        }
    }

    /// Waits until that moment, or until something earlier falls due.
    pub(crate) async fn wait_until(&self, at_ms: i64) {
        self.planned_ms.store(at_ms, Ordering::Release);
        let left = Duration::from_millis((at_ms - now_ms()).max(0) as u64);
        let _ = tokio::time::timeout(left, self.earlier.notified()).await;
        self.planned_ms.store(i64::MAX, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_falls_due_during_the_first_look_is_looked_at() {
        let alarm = Alarm::default();
        alarm.due_at(1);
        let woken = alarm.wait_until(now_ms() + 600_000);
        tokio::time::timeout(Duration::from_secs(60), woken)
            .await
            .unwrap();
    }
}
