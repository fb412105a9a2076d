//! The background task that brings results to storage.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use weir_proto::{AnalyticsResult, Timestamp};

use crate::hour::Hour;
use crate::pending::{Next, Pending, Reach};
use crate::{Store, StoreError};

/// What has happened in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriterEvent {
    /// Files have been written.
    Wrote {
        /// How many.
        files: u64,
        /// Their size in bytes.
        bytes: u64,
    },
    /// A file could not be written; it will be tried again. Each fault is told once until something is written again.
    Failed(String),
}

/// Who is told what has happened.
type Events = Box<dyn Fn(WriterEvent) + Send + Sync>;

/// Writes results in the background, so that whoever has them never waits for the storage.
///
/// Rows are gathered by hour. A window of the present is written at once, a file at most once a second; results of
/// the past wait until their hour is complete (a later hour begins, or two seconds pass without a row), so that a
/// backlog costs one write an hour; of a bucket several files are written at a time. While the storage is away rows
/// wait in memory, one a window, and are tried again at intervals that grow to 30 seconds.
///
/// Dropping a writer abandons what waits, which is then beyond [`Writer::durable`]; [`Writer::finish`] does not.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    /// Taken by `finish`.
    task: Option<JoinHandle<Result<(), StoreError>>>,
}

#[derive(Debug)]
struct Shared {
    pending: Mutex<Pending>,
    news: Notify,
}

impl Writer {
    /// Starts the task on a runtime. `events` is called from it, and must not block.
    pub fn spawn(
        store: Store,
        handle: &Handle,
        events: impl Fn(WriterEvent) + Send + Sync + 'static,
    ) -> Self {
        Self::spawn_with(store, handle, Box::new(events))
    }

    fn spawn_with(store: Store, handle: &Handle, events: Events) -> Self {
        let pending = Mutex::new(Pending::new(store.parallel()));
        let shared = Arc::new(Shared {
            pending,
            news: Notify::new(),
        });
        let task = handle.spawn(run(store, shared.clone(), Reporter::new(events)));
        Self {
            shared,
            task: Some(task),
        }
    }

    /// Hands rows over; never blocks. `position` is the one in the results topic after them: everything before it has
    /// been handed over with this call. Positions never go back. No rows are fine: then only the position moves.
    pub fn send(&self, rows: Vec<AnalyticsResult>, position: i64) {
        self.shared
            .pending()
            .add(rows, position, Instant::now(), wall_clock());
        self.shared.news.notify_one();
    }

    /// The position up to which everything is in storage; `None` until then. It never goes back.
    pub fn durable(&self) -> Option<i64> {
        self.shared.pending().durable()
    }

    /// Writes what is left, without the pauses, and ends the task. A failing storage is tried three times more, so
    /// that this takes a minute at most for each attempt that the storage leaves without an answer.
    ///
    /// Returns the last durable position: that of the last [`Writer::send`].
    ///
    /// # Errors
    /// The first failure that remained. What was not written is beyond the position that [`Writer::durable`] last gave.
    pub async fn finish(mut self) -> Result<Option<i64>, StoreError> {
        self.shared.pending().finish();
        self.shared.news.notify_one();
        let Some(task) = self.task.as_mut() else {
            return Err(StoreError::Stopped);
        };
        task.await.map_err(|_| StoreError::Stopped)??;
        Ok(self.durable())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        // No panic can leave it half changed in a way that matters: rows are only ever added or handed back.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(store: Store, shared: Arc<Shared>, mut report: Reporter) -> Result<(), StoreError> {
    let mut under_way = FuturesUnordered::new();
    let mut failures = BTreeMap::new();
    loop {
        let next = shared.pending().next(Instant::now());
        let wake_at = match next {
            Next::Write(hour, rows) => {
                let store = &store;
                under_way.push(async move { (hour, store.merge_hour(hour, rows).await) });
                continue;
            }
            Next::Wait(until) => Some(until),
            Next::Idle => None,
            Next::Finished => return failures.into_values().next().map_or(Ok(()), Err),
        };
        tokio::select! {
            Some((hour, outcome)) = under_way.next() => match outcome {
                Ok(bytes) => {
                    shared.pending().written(hour, Instant::now());
                    failures.remove(&hour);
                    report.wrote(hour, bytes);
                }
                Err(error) => {
                    shared.pending().failed(hour, reach(&error), Instant::now());
                    report.failed(hour, &error);
                    failures.insert(hour, error);
                }
            },
            () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
            () = shared.news.notified() => {}
        }
    }
}

fn reach(error: &StoreError) -> Reach {
    if error.is_of_one_file() {
        Reach::ThisHour
    } else {
        Reach::Everything
    }
}

/// Tells what happened, and of a failure that lasts only once.
struct Reporter {
    events: Events,
    /// The last message of each hour whose own file is at fault.
    failing: BTreeMap<Hour, String>,
    /// Why the storage is away, as told since it last took something. Without paths, because hours take turns in
    /// trying; several, because one broken network shows itself now as a reset and now as a time-out.
    away: BTreeSet<String>,
}

impl Reporter {
    fn new(events: Events) -> Self {
        Self {
            events,
            failing: BTreeMap::new(),
            away: BTreeSet::new(),
        }
    }

    fn wrote(&mut self, hour: Hour, bytes: Option<u64>) {
        self.away.clear();
        self.failing.remove(&hour);
        if let Some(bytes) = bytes {
            (self.events)(WriterEvent::Wrote { files: 1, bytes });
        }
    }

    fn failed(&mut self, hour: Hour, error: &StoreError) {
        let known = match reach(error) {
            Reach::ThisHour => self.failing.insert(hour, error.to_string()) == Some(error.to_string()),
            Reach::Everything => !self.away.insert(error.reason()),
        };
        if !known {
            (self.events)(WriterEvent::Failed(error.to_string()));
        }
    }
}

/// Only decides whether a window is of the past; a wrong clock costs a few writes or seconds.
fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis())
        .ok()
        .and_then(Timestamp::from_millis)
        .unwrap_or(Timestamp::FIRST)
}
