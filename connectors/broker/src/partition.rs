//! A partition while the broker runs: its log behind a lock, and who waits for it to grow.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, io};

use kafka_protocol::ResponseError;

use crate::fault::{Fault, storage};
use crate::locked::{locked, now_ms};
use crate::log::batch::{BatchHeader, Marker};
use crate::log::{Appended, Log};
use crate::topic_config::Effective;
use crate::waiters::Waiters;

/// A partition: its log, and who waits for it to grow.
#[derive(Debug)]
pub(crate) struct Partition {
    log: Mutex<Log>,
    pub(crate) waiters: Waiters,
    deleted: AtomicBool,
    /// A sync failed: what the disk holds is not certain, and the next sync might say yes to it nevertheless.
    uncertain: AtomicBool,
}

impl Partition {
    /// Opens its log, or makes a new one that begins at `start`.
    pub(crate) fn open(folder: &Path, start: i64) -> io::Result<Arc<Self>> {
        let log = Log::open(folder, start, now_ms())?;
        Ok(Arc::new(Self {
            log: Mutex::new(log),
            waiters: Waiters::default(),
            deleted: AtomicBool::new(false),
            uncertain: AtomicBool::new(false),
        }))
    }

    /// Uses the log; blocks on files.
    pub(crate) fn with_log<T>(&self, work: impl FnOnce(&mut Log) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut log = locked(&self.log);
        if self.deleted.load(Ordering::Acquire) {
            return Err(ResponseError::UnknownTopicOrPartition.into());
        }
        work(&mut log)
    }

    /// Appends a checked batch, and syncs it if asked to.
    pub(crate) fn append(
        &self,
        bytes: &[u8],
        header: BatchHeader,
        topic: &Effective,
    ) -> Result<Appended, Fault> {
        let (appended, file) = self.with_log(|log| {
            self.check_certain()?;
            let appended = log.append(bytes, header, &topic.log, now_ms())?;
            let file = sync_target(log, topic)?;
            Ok((appended, file))
        })?;
        self.waiters.wake(true, !header.is_transactional());
        self.sync(file)?;
        Ok(appended)
    }

    /// Ends the transaction of a producer here, if it has one open.
    pub(crate) fn end_transaction(
        &self,
        marker: Marker,
        producer_id: i64,
        epoch: i16,
        topic: &Effective,
    ) -> Result<(), Fault> {
        let file = self.with_log(|log| {
            self.check_certain()?;
            if log.has_open_transaction(producer_id) {
                log.end_transaction(marker, producer_id, epoch, &topic.log, now_ms())?;
            }
            sync_target(log, topic)
        })?;
        self.waiters.wake(true, true);
        self.sync(file)
    }

    fn sync(&self, file: Option<Arc<fs::File>>) -> Result<(), Fault> {
        file.map_or(Ok(()), |file| file.sync_data()).map_err(|error| {
            self.uncertain.store(true, Ordering::Release);
            storage("syncing a segment", &error)
        })
    }

    fn check_certain(&self) -> Result<(), Fault> {
        if self.uncertain.load(Ordering::Acquire) {
            let text = "a sync failed before: only a restart can tell what is stored";
            return Err(Fault::new(ResponseError::KafkaStorageError, text));
        }
        Ok(())
    }

    /// Its topic is deleted: nobody may use the log again.
    pub(crate) fn close_for_good(&self) {
        let _log = locked(&self.log);
        self.deleted.store(true, Ordering::Release);
        self.waiters.wake(true, true);
    }
}

fn sync_target(log: &Log, topic: &Effective) -> Result<Option<Arc<fs::File>>, Fault> {
    if !topic.log.fsync {
        return Ok(None);
    }
    log.active_file()
        .map(Some)
        .map_err(|e| storage("opening a segment", &e))
}
