//! The Parquet side of a run: what is published goes on to storage, and a storage that is away holds nobody up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::time::{sleep, timeout};
use weir_kafka::{Connection, offsets, read_range};
use weir_parquet::{Store, StoreError, Writer, WriterEvent};
use weir_proto::AnalyticsResult;

use crate::error::JobError;
use crate::status::Shared;

/// How long a run that was stopped waits for Parquet; the next run writes what is left.
pub(crate) const PARQUET_PATIENCE: Duration = Duration::from_secs(3);
/// How long a start waits for the storage before it goes on without.
const FIRST_ATTEMPT: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// Hands results on to the storage. While it cannot be opened they wait here, one entry a commit, and the progress
/// record keeps the old position: nothing is lost by a restart either.
pub(crate) struct Parquet(Arc<Mutex<State>>);

enum State {
    /// The storage could not be opened yet: rows with the position after them.
    Waiting(Vec<(Vec<AnalyticsResult>, i64)>),
    Writing(Writing),
    Finished,
}

struct Writing {
    writer: Writer,
    /// How many results were handed over, and the position after them, until that is durable.
    handed_over: VecDeque<(i64, u64)>,
}

impl Writing {
    fn new(writer: Writer) -> Self {
        Self {
            writer,
            handed_over: VecDeque::new(),
        }
    }

    fn send(&mut self, rows: Vec<AnalyticsResult>, position: i64) {
        self.settle();
        self.handed_over.push_back((position, rows.len() as u64));
        self.writer.send(rows, position);
    }

    fn settle(&mut self) {
        let durable = self.writer.durable();
        while self
            .handed_over
            .front()
            .is_some_and(|(position, _)| Some(*position) <= durable)
        {
            self.handed_over.pop_front();
        }
    }
}

/// What can be seen of the results that wait for the storage; it keeps nothing alive.
pub(crate) struct Backlog(Weak<Mutex<State>>);

impl Backlog {
    /// Results that are in Kafka and not in storage yet.
    pub(crate) fn results(&self) -> u64 {
        let Some(state) = self.0.upgrade() else {
            return 0;
        };
        match &mut *lock(&state) {
            State::Waiting(queue) => queue.iter().map(|(rows, _)| rows.len() as u64).sum(),
            State::Writing(writing) => {
                writing.settle();
                writing.handed_over.iter().map(|(_, results)| results).sum()
            }
            State::Finished => 0,
        }
    }
}

impl Parquet {
    fn new(state: State, shared: &Shared) -> Self {
        let state = Arc::new(Mutex::new(state));
        // A job opens its storage once.
        let _ = shared.parquet.set(Backlog(Arc::downgrade(&state)));
        Self(state)
    }

    /// Opens the storage, or goes on trying in the background; `refused` hears when it turns out there that waiting
    /// does not help.
    ///
    /// # Errors
    /// [`JobError::Setting`] for what waiting does not help: a wrong URL, the folder of another job.
    pub(crate) fn open(
        url: &str,
        job_id: &str,
        runtime: &Handle,
        shared: &Arc<Shared>,
        refused: impl FnOnce(JobError) + Send + 'static,
    ) -> Result<Self, JobError> {
        let attempt = runtime.block_on(async { timeout(FIRST_ATTEMPT, Store::open(url, job_id)).await });
        let fault = match attempt {
            Ok(Ok(store)) => {
                let writer = spawn(store, runtime, shared);
                return Ok(Self::new(State::Writing(Writing::new(writer)), shared));
            }
            Ok(Err(error)) if error.is_configuration() => {
                return Err(setting(&error));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer for {} s", FIRST_ATTEMPT.as_secs()),
        };
        failed(shared, &fault);
        let parquet = Self::new(State::Waiting(Vec::new()), shared);
        let later = Later {
            url: url.to_owned(),
            job_id: job_id.to_owned(),
            known: fault,
            runtime: runtime.clone(),
            shared: Arc::clone(shared),
        };
        let opening = Arc::clone(&parquet.0);
        runtime.spawn(async move {
            match later.open().await {
                Ok((store, later)) => later.write(store, &opening),
                Err(error) => refused(error),
            }
        });
        Ok(parquet)
    }

    /// Hands rows over; `position` is the one in the results topic after them.
    pub(crate) fn send(&self, rows: Vec<AnalyticsResult>, position: i64) {
        match &mut *lock(&self.0) {
            State::Waiting(queue) => queue.push((rows, position)),
            State::Writing(writing) => writing.send(rows, position),
            State::Finished => {}
        }
    }

    /// Takes what the results topic holds beyond a position; gives the position if it is one of this topic.
    ///
    /// # Errors
    /// When the topic cannot be read.
    pub(crate) fn restore(
        &self,
        connection: &Connection,
        topic: &str,
        position: Option<i64>,
    ) -> Result<Option<i64>, JobError> {
        let (first, end) = offsets(connection, topic)?.get(&0).copied().unwrap_or_default();
        let position = position.filter(|position| *position <= end);
        let mut rows = Vec::new();
        let end = read_range(connection, topic, 0, position.unwrap_or(0).max(first), |record| {
            let result = record.value.as_deref().map(AnalyticsResult::from_json);
            rows.extend(result.and_then(Result::ok));
        })?;
        self.send(rows, end);
        Ok(position)
    }

    /// The position in the results topic up to which everything is in storage.
    pub(crate) fn durable(&self) -> Option<i64> {
        match &*lock(&self.0) {
            State::Writing(writing) => writing.writer.durable(),
            State::Waiting(_) | State::Finished => None,
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Why not everything could be written; the next run does it.
    pub(crate) async fn finish(self) -> Result<(), String> {
        let state = std::mem::replace(&mut *lock(&self.0), State::Finished);
        match state {
            State::Writing(writing) => writing
                .writer
                .finish()
                .await
                .map(drop)
                .map_err(|error| error.to_string()),
            State::Waiting(queue) if queue.iter().all(|(rows, _)| rows.is_empty()) => Ok(()),
            State::Waiting(_) => Err("the storage could not be opened".to_owned()),
            State::Finished => Ok(()),
        }
    }
}

/// Writes what is left. Who is stopped does not wait long for it; a bounded run is not complete without it.
pub(crate) fn finish(runtime: &Runtime, parquet: Parquet, complete: bool) -> Result<(), JobError> {
    let finished = if complete {
        runtime.block_on(parquet.finish())
    } else {
        let patience = runtime.block_on(async { timeout(PARQUET_PATIENCE, parquet.finish()).await });
        patience.unwrap_or_else(|_| Err(format!("not done after {} s", PARQUET_PATIENCE.as_secs())))
    };
    match finished {
        Ok(()) => Ok(()),
        Err(error) if complete => Err(JobError::Unavailable(format!(
            "all results are in Kafka, but Parquet lacks the last ones, which the next run writes: {error}"
        ))),
        Err(error) => {
            tracing::error!(error, "Parquet lacks the last windows; the next run writes them");
            Ok(())
        }
    }
}

/// The storage that could not be opened at the start.
struct Later {
    url: String,
    job_id: String,
    /// The fault that was told last.
    known: String,
    runtime: Handle,
    shared: Arc<Shared>,
}

impl Later {
    /// Tries until it opens.
    ///
    /// # Errors
    /// What waiting does not help.
    async fn open(mut self) -> Result<(Store, Self), JobError> {
        let mut pause = FIRST_RETRY;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LAST_RETRY);
            match Store::open(&self.url, &self.job_id).await {
                Ok(store) => return Ok((store, self)),
                Err(error) if error.is_configuration() => return Err(setting(&error)),
                Err(error) => self.tell(error.to_string()),
            }
        }
    }

    /// Each fault is told once, and each attempt counted.
    fn tell(&mut self, fault: String) {
        if fault == self.known {
            self.shared.metrics.parquet_failures.inc();
        } else {
            failed(&self.shared, &fault);
            self.known = fault;
        }
    }

    /// What has waited goes to the storage.
    fn write(&self, store: Store, state: &Mutex<State>) {
        let mut state = lock(state);
        if let State::Waiting(queue) = &mut *state {
            let mut writing = Writing::new(spawn(store, &self.runtime, &self.shared));
            for (rows, position) in queue.drain(..) {
                writing.send(rows, position);
            }
            *state = State::Writing(writing);
            tracing::info!("the Parquet storage is open now");
        }
    }
}

fn setting(error: &StoreError) -> JobError {
    JobError::setting("parquet", error.to_string())
}

fn spawn(store: Store, runtime: &Handle, shared: &Arc<Shared>) -> Writer {
    let shared = Arc::clone(shared);
    Writer::spawn(store, runtime, move |event| match event {
        WriterEvent::Wrote { files, bytes } => {
            shared.metrics.parquet_writes.inc_by(files);
            shared.metrics.parquet_bytes.inc_by(bytes);
        }
        WriterEvent::Failed(error) => failed(&shared, &error),
    })
}

fn failed(shared: &Shared, error: &str) {
    shared.metrics.parquet_failures.inc();
    tracing::warn!(error, "Parquet cannot be written, trying again");
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Never left half changed: rows are only added, or moved on as a whole.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
