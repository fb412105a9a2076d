//! What the job shows of itself while it runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use weir_dataflow::clocks::Clocks;
use weir_proto::{AnalyticsResult, Timestamp};

use crate::metrics::Metrics;
use crate::parquet::Backlog;

/// Results that are kept for show.
const RECENT: usize = 32;
/// A broker that does not answer for so long counts as away.
const BROKER_SILENCE: Duration = Duration::from_secs(5);

/// What has become of all records since the job's first start. Always: `consumed` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Records before the last commit.
    pub consumed: u64,
    /// Orders that count in a window.
    pub accepted: u64,
    /// Copies of orders that their window held already.
    pub duplicate: u64,
    /// Events of types that the windows do not count.
    pub ignored: u64,
    /// Orders that came after their window was final; they are in the late topic.
    pub late: u64,
    /// Records that are no valid orders; they are in the dead-letter topic.
    pub invalid: u64,
}

impl Totals {
    /// Whether every record consumed is accounted for.
    pub fn balanced(&self) -> bool {
        self.consumed == self.accepted + self.duplicate + self.ignored + self.late + self.invalid
    }
}

/// A moment of the job.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The totals as committed.
    pub totals: Totals,
    /// The cut of the last commit: windows that end at or before it are published.
    pub watermark: Option<Timestamp>,
    /// Records in the orders topic that are in no commit yet.
    pub lag_records: u64,
    /// First results written by this run.
    pub windows_published: u64,
    /// Revisions written by this run.
    pub windows_revised: u64,
    /// Windows of this run for which the log gave other totals than were published.
    pub replay_mismatches: u64,
    /// Records that the log no longer held when this run had to read them.
    pub records_lost: u64,
    /// The newest results, newest last.
    pub recent: Vec<AnalyticsResult>,
    /// Whether everything that the last commit held has been read again, so that the job publishes.
    pub ready: bool,
}

/// What the threads of the job share.
pub(crate) struct Shared {
    pub(crate) metrics: Metrics,
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) in_flight: Arc<AtomicU64>,
    pub(crate) rejected_bytes: Arc<AtomicU64>,
    /// Set while the source must not read on.
    pub(crate) hold: Arc<AtomicBool>,
    /// Set once the Parquet storage is in use.
    pub(crate) parquet: OnceLock<Backlog>,
    /// Nobody waits for a broker that is away any more.
    stopping: AtomicBool,
    /// Somebody has asked the job to stop.
    stop_asked: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the progress has been read.
    known: bool,
    totals: Totals,
    watermark: Option<Timestamp>,
    published: u64,
    revised: u64,
    recent: VecDeque<AnalyticsResult>,
    ready: bool,
    processed: BTreeMap<i32, i64>,
    ends: BTreeMap<i32, (i64, i64)>,
    answered: Option<Instant>,
    fault: Option<String>,
    /// What the broker refuses at the moment.
    stuck: Option<String>,
}

impl Shared {
    pub(crate) fn new(clocks: Arc<Clocks>, metrics: Metrics) -> Self {
        Self {
            metrics,
            clocks,
            in_flight: Arc::default(),
            rejected_bytes: Arc::default(),
            hold: Arc::default(),
            parquet: OnceLock::new(),
            stopping: AtomicBool::new(false),
            stop_asked: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job shall end, by request.
    pub(crate) fn ask_to_stop(&self) {
        self.stop_asked.store(true, Ordering::Relaxed);
        self.end();
    }

    /// Whether the job was asked to stop.
    pub(crate) fn stop_asked(&self) -> bool {
        self.stop_asked.load(Ordering::Relaxed)
    }

    /// The job ends, for whatever reason.
    pub(crate) fn end(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the job is about to end.
    pub(crate) fn ending(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// A thread of the job is gone, or the job as a whole.
    pub(crate) fn broke(&self, fault: &str) {
        self.state().fault.get_or_insert_with(|| fault.to_owned());
    }

    /// The broker refuses what the job cannot do without, for now.
    pub(crate) fn stuck(&self, fault: &str) {
        self.state().stuck = Some(fault.to_owned());
    }

    /// The broker refuses nothing.
    pub(crate) fn settled(&self) {
        self.state().stuck = None;
    }

    /// What has broken, or is refused, if anything is.
    pub(crate) fn fault(&self) -> Option<String> {
        let state = self.state();
        state.fault.clone().or_else(|| state.stuck.clone())
    }

    /// The totals as committed, once they are known; until then a scrape must not show them as zero.
    pub(crate) fn totals(&self) -> Option<Totals> {
        let state = self.state();
        state.known.then_some(state.totals)
    }

    /// The broker has told the ends of partitions.
    pub(crate) fn broker_answered(&self) {
        self.state().answered = Some(Instant::now());
    }

    /// Whether the broker has answered in the last seconds; it is asked once a second.
    pub(crate) fn broker_up(&self) -> bool {
        self.state()
            .answered
            .is_some_and(|at| at.elapsed() < BROKER_SILENCE)
    }

    /// A commit stands.
    pub(crate) fn committed(
        &self,
        totals: Totals,
        frontier: u64,
        processed: impl Iterator<Item = (i32, i64)>,
        results: &[AnalyticsResult],
    ) {
        let mut state = self.state();
        state.known = true;
        state.totals = totals;
        state.watermark = i64::try_from(frontier)
            .ok()
            .and_then(|s| Timestamp::from_millis(s.saturating_mul(1_000)));
        state.processed.extend(processed);
        for result in results {
            if result.revision() == 0 {
                state.published += 1;
            } else {
                state.revised += 1;
            }
            if state.recent.len() == RECENT {
                state.recent.pop_front();
            }
            state.recent.push_back(*result);
        }
    }

    /// The broker has told the ends of the partitions.
    pub(crate) fn ends(&self, ends: &BTreeMap<i32, (i64, i64)>) {
        self.state().ends.extend(ends);
    }

    /// The replay is through.
    pub(crate) fn set_ready(&self) {
        self.state().ready = true;
    }

    /// Records beyond the last commit, by partition.
    pub(crate) fn lag(&self) -> BTreeMap<i32, u64> {
        let state = self.state();
        let lag = |(partition, (first, end)): (&i32, &(i64, i64))| {
            let processed = state
                .processed
                .get(partition)
                .copied()
                .unwrap_or(*first)
                .max(*first);
            (*partition, (end - processed).max(0).unsigned_abs())
        };
        state.ends.iter().map(lag).collect()
    }

    pub(crate) fn status(&self) -> Status {
        let lag_records = self.lag().values().sum();
        let state = self.state();
        Status {
            totals: state.totals,
            watermark: state.watermark,
            lag_records,
            windows_published: state.published,
            windows_revised: state.revised,
            replay_mismatches: self.metrics.replay_mismatches.get(),
            records_lost: self.metrics.records_lost.get(),
            recent: state.recent.iter().copied().collect(),
            ready: state.ready,
        }
    }
}
