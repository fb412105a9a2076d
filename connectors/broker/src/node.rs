//! Everything the requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use kafka_protocol::ResponseError;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::fault::Fault;
use crate::groups::Groups;
use crate::journal::Journal;
use crate::locked::now_ms;
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
    /// Bytes of large requests that may be received at a time.
    pub(crate) request_memory: Arc<Semaphore>,
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
        let request_memory = config
            .request_memory_bytes
            .clamp(config.max_request_bytes, Semaphore::MAX_PERMITS);
        Ok(Self {
            journal,
            topics,
            transactions,
            groups: Groups::default(),
            alarm: Alarm::default(),
            stopping: CancellationToken::new(),
            request_memory: Arc::new(Semaphore::new(request_memory)),
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
            let _permit = permit;
            work(&node)
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

/// Wakes the maintenance when something falls due before it planned to look.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    planned_ms: AtomicI64,
    earlier: Notify,
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
        let left = std::time::Duration::from_millis((at_ms - now_ms()).max(0) as u64);
        let _ = tokio::time::timeout(left, self.earlier.notified()).await;
        self.planned_ms.store(i64::MAX, Ordering::Release);
    }
}
