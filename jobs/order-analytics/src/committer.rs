//! The thread that writes commits: results, rejects, offsets and progress in one Kafka transaction.

mod outcome;
mod print;
mod transaction;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use weir_dataflow::source::Reject;
use weir_kafka::{Connection, Receipt, Sink, SinkError, SinkOptions, Transaction, offsets};
use weir_proto::AnalyticsResult;

use self::print::print;
use self::transaction::shrink;
use crate::error::JobError;
use crate::failpoint;
use crate::ledger::Draft;
use crate::parquet::Parquet;
use crate::progress::{Progress, RejectedFrom};
use crate::settings::Settings;
use crate::status::Shared;

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Commit {
    /// Write this.
    Write {
        /// What is new.
        draft: Draft,
        /// The state after it.
        progress: Box<Progress>,
        /// Whether rejects were written ahead of their cut, now or before, that no cut holds yet.
        rejected_ahead: bool,
    },
    /// A bounded run has come to its end.
    End,
}

/// How a thread that writes commits ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A bounded run has written everything.
    Complete,
    /// The job was stopped.
    Stopped,
}

/// Pauses between attempts while Kafka is away.
const RETRY: Duration = Duration::from_millis(200);
/// How often a sink at rest is looked after.
const SERVE: Duration = Duration::from_secs(1);

/// Names of the topics, and what fits into them.
pub(crate) struct Topics {
    pub(crate) orders: Arc<str>,
    pub(crate) results: Arc<str>,
    pub(crate) dlq: Arc<str>,
    pub(crate) late: Arc<str>,
    pub(crate) progress: Arc<str>,
    /// Largest record of the dead-letter and of the late topic, in bytes.
    pub(crate) dlq_bytes: usize,
    pub(crate) late_bytes: usize,
}

/// Everything the thread needs.
pub(crate) struct Committer {
    pub(crate) settings: Settings,
    pub(crate) connection: Connection,
    pub(crate) topics: Topics,
    pub(crate) sink: Option<Sink>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) parquet: Option<Parquet>,
    /// Sequence number of the last commit, over all runs.
    pub(crate) sequence: u64,
    /// The name of this run.
    pub(crate) instance: String,
    /// The Parquet position that the progress held at the start.
    pub(crate) parquet_position: Option<i64>,
    /// Where the rejects lie that were written ahead of their cut, while there are any.
    pub(crate) rejected_from: Option<RejectedFrom>,
}

/// The sink's settings for a job.
pub(crate) fn sink_options(settings: &Settings) -> SinkOptions {
    SinkOptions {
        transaction_timeout: settings.transaction_timeout,
        ..SinkOptions::new(&settings.job_id, &settings.job_id)
    }
}

impl Committer {
    /// Writes what it is told until the job stops; after each commit that stands says so to `done` and calls `wake`.
    ///
    /// # Errors
    /// When this run may not or cannot write any more.
    pub(crate) fn run(
        &mut self,
        commits: &Receiver<Commit>,
        done: &Sender<()>,
        wake: &dyn Fn(),
    ) -> Result<Ended, JobError> {
        loop {
            let commit = match commits.recv_timeout(SERVE) {
                Ok(commit) => commit,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(sink) = &self.sink {
                        sink.serve();
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(Ended::Stopped),
            };
            match commit {
                Commit::Write {
                    draft,
                    mut progress,
                    rejected_ahead,
                } => {
                    progress.rejected_from = self.rejected_from(rejected_ahead)?;
                    self.write(draft, *progress)?;
                    // The other side is gone when the job stops.
                    let _ = done.send(());
                    wake();
                }
                Commit::End => return Ok(Ended::Complete),
            }
        }
    }

    /// Gives the Parquet writer back, to write what is left.
    pub(crate) fn into_parquet(self) -> Option<Parquet> {
        self.parquet
    }

    /// From where on a start must look for rejects written ahead of their cut: the ends of the topics before the first
    /// of them is written.
    fn rejected_from(&mut self, ahead: bool) -> Result<Option<RejectedFrom>, JobError> {
        if !ahead {
            self.rejected_from = None;
        }
        while ahead && self.rejected_from.is_none() {
            match self.ends_of_rejects() {
                Ok(ends) => self.rejected_from = Some(ends),
                Err(JobError::Unavailable(reason)) if self.shared.ending() => {
                    return Err(JobError::Unavailable(reason));
                }
                Err(JobError::Unavailable(reason)) => {
                    tracing::debug!(reason, "the ends of the topics of rejects are asked again");
                    std::thread::sleep(RETRY);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.rejected_from.clone())
    }

    fn ends_of_rejects(&self) -> Result<RejectedFrom, JobError> {
        let ends = |topic: &str| -> Result<BTreeMap<i32, i64>, JobError> {
            let offsets = offsets(&self.connection, topic)?;
            Ok(offsets.into_iter().map(|(id, (_, end))| (id, end)).collect())
        };
        Ok(RejectedFrom {
            dlq: ends(&self.topics.dlq)?,
            late: ends(&self.topics.late)?,
        })
    }

    fn write(&mut self, mut draft: Draft, mut progress: Progress) -> Result<(), JobError> {
        let durable = self.parquet.as_ref().and_then(Parquet::durable);
        self.parquet_position = durable.max(self.parquet_position);
        self.sequence += 1;
        progress.sequence = self.sequence;
        progress.instance.clone_from(&self.instance);
        progress.parquet_position = self.parquet_position;
        // What may be large is held once.
        let rejects = std::mem::take(&mut draft.rejects);
        let rejected_bytes: u64 = rejects.iter().map(payload_of).sum();
        let rejected = rejects.len();
        let mut transaction = self.transaction(&draft, rejects, &progress);

        failpoint::reach("before-commit");
        failpoint::panic_at("commit-panics");
        let begun = Instant::now();
        let receipt = self.commit(&mut transaction)?;
        self.shared
            .metrics
            .commit_seconds
            .observe(begun.elapsed().as_secs_f64());
        failpoint::reach("after-commit-before-parquet");

        let processed = progress
            .partitions
            .iter()
            .map(|(id, partition)| (*id, partition.processed));
        self.shared
            .committed(draft.totals, draft.frontier, processed, &draft.results);
        drop(transaction);
        self.report(&draft, rejected);
        self.shared
            .rejected_bytes
            .fetch_sub(rejected_bytes, Ordering::Relaxed);
        self.to_parquet(draft.results, &receipt);
        Ok(())
    }

    fn report(&self, draft: &Draft, rejected: usize) {
        let metrics = &self.shared.metrics;
        let revised = draft
            .results
            .iter()
            .filter(|result| result.revision() > 0)
            .count() as u64;
        metrics.revised.inc_by(revised);
        metrics.published.inc_by(draft.results.len() as u64 - revised);
        if self.settings.print {
            print(&draft.results);
        }
        tracing::debug!(
            frontier = draft.frontier,
            results = draft.results.len(),
            rejects = rejected,
            "committed"
        );
    }

    fn to_parquet(&self, results: Vec<AnalyticsResult>, receipt: &Receipt) {
        let Some(writer) = &self.parquet else { return };
        if results.is_empty() {
            return;
        }
        let end = receipt.ends.get(&(Arc::clone(&self.topics.results), 0));
        // Without an offset from the broker the position of before stands: older, never wrong.
        let position = end
            .copied()
            .or_else(|| writer.durable())
            .or(self.parquet_position)
            .unwrap_or(0);
        writer.send(results, position);
    }

    /// Writes the transaction once, however often it takes.
    fn commit(&mut self, transaction: &mut Transaction) -> Result<Receipt, JobError> {
        loop {
            let outcome = match self.sink.as_mut() {
                Some(sink) => sink.commit_with(transaction, || failpoint::reach("between-send-and-commit")),
                None => Err(SinkError::Unavailable("not connected".to_owned())),
            };
            let error = match outcome {
                Ok(receipt) => {
                    self.shared.settled();
                    return Ok(receipt);
                }
                Err(error) => error,
            };
            self.shared.metrics.transaction_failures.inc();
            match error {
                SinkError::Fenced(_) | SinkError::Fatal(_) => return Err(error.into()),
                SinkError::Rejected { index, ref topic, .. } => {
                    let own = **topic == *self.topics.results || **topic == *self.topics.progress;
                    if own || !shrink(&mut transaction.records[index]) {
                        return Err(JobError::Internal(error.to_string()));
                    }
                    tracing::warn!(%error, "a rejected record is cut further");
                }
                SinkError::Unavailable(_) | SinkError::OutcomeUnknown(_) => {
                    if self.reconnect(error.into())? {
                        self.shared.settled();
                        // The broker does not tell offsets of a commit found done; Parquet takes the older position.
                        return Ok(Receipt {
                            ends: BTreeMap::new(),
                        });
                    }
                }
            }
        }
    }
}

/// Bytes of a rejected record, as the source counted them.
fn payload_of(reject: &Reject) -> u64 {
    (reject.key.as_ref().map_or(0, Vec::len) + reject.value.as_ref().map_or(0, Vec::len)) as u64
}
