//! The operator on worker 0 that gathers what a cut needs and hands commits to their thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::scheduling::Activator;
use weir_dataflow::accumulate::Counted;
use weir_dataflow::changelog::Difference;
use weir_dataflow::source::Fact;

use crate::committer::Commit;
use crate::ledger::{Draft, Ledger, Note};
use crate::status::Shared;

/// Records read but not committed beyond which the source waits for the commit under way.
const MOST_WAITING: u64 = 4_000_000;
/// Bytes of rejected records, with those in the commit under way, beyond which the source waits for it.
const MOST_REJECTED_BYTES: u64 = 8 << 20;

/// The streams that a commit is made of.
pub(crate) struct Streams<'scope> {
    /// The changelog of the windows.
    pub(crate) rows: StreamVec<'scope, u64, ((u64, Difference), u64, isize)>,
    /// The facts of the sources.
    pub(crate) facts: StreamVec<'scope, u64, (u64, Fact)>,
    /// Orders that counted, by stamp.
    pub(crate) counted: StreamVec<'scope, u64, (u64, Counted)>,
}

/// What worker 0 alone has.
pub(crate) struct Desk {
    /// The state between commits.
    pub(crate) ledger: Ledger,
    /// To the thread that writes.
    pub(crate) commits: Sender<Commit>,
    /// One message for each commit that stands.
    pub(crate) done: Receiver<()>,
    /// The job's currency.
    pub(crate) currency: String,
    /// What the threads share.
    pub(crate) shared: Arc<Shared>,
    /// The cut at which this run began.
    pub(crate) begun_at: u64,
    /// How often revisions, rejects and offsets are committed; closed windows are at once.
    pub(crate) period: Duration,
}

/// Gathers the streams of all workers on worker 0, cuts at the frontier and sends commits; `desk` is there only. Gives
/// the address to wake when a commit stands.
pub(crate) fn collect(streams: Streams<'_>, desk: Option<Desk>) -> Vec<usize> {
    let scope = streams.rows.scope();
    let mut builder = OperatorBuilder::new("Collect".to_owned(), scope);
    let mut rows = builder.new_input(
        streams.rows,
        Exchange::new(|_: &((u64, Difference), u64, isize)| 0),
    );
    let mut facts = builder.new_input(streams.facts, Exchange::new(|_: &(u64, Fact)| 0));
    let mut counted = builder.new_input(streams.counted, Exchange::new(|_: &(u64, Counted)| 0));
    let address = builder.operator_info().address;
    let activator = scope.worker().activator_for(address.clone());
    builder.build(move |_capabilities| {
        let mut collector = desk.map(|desk| Collector::new(desk, activator));
        move |frontiers| {
            let Some(collector) = &mut collector else {
                rows.for_each(|_, _| ());
                facts.for_each(|_, _| ());
                counted.for_each(|_, _| ());
                return;
            };
            let ledger = &mut collector.desk.ledger;
            rows.for_each(|_, batch| {
                for ((window, totals), time, change) in batch.drain(..) {
                    ledger.note(time, Note::Row(window, totals.into(), change));
                }
            });
            facts.for_each(|_, batch| {
                for (time, fact) in batch.drain(..) {
                    ledger.note(time, Note::Fact(fact));
                }
            });
            counted.for_each(|_, batch| {
                for (time, counted) in batch.drain(..) {
                    ledger.note(time, Note::Counted(counted));
                }
            });
            let least = frontiers
                .iter()
                .filter_map(|frontier| frontier.frontier().first().copied())
                .min();
            // Once the sources have let go, the frontier is that of windows about to close early: no place for a cut.
            let sources_ended = frontiers[1].is_empty();
            if let (Some(frontier), false) = (least, sources_ended) {
                collector.step(frontier);
            } else if least.is_none() {
                collector.end();
            }
        }
    });
    address.to_vec()
}

struct Collector {
    desk: Desk,
    activator: Activator,
    under_way: bool,
    committed_at: Instant,
    ready: bool,
    ended: bool,
}

impl Collector {
    fn new(desk: Desk, activator: Activator) -> Self {
        Self {
            desk,
            activator,
            under_way: false,
            committed_at: Instant::now(),
            ready: false,
            ended: false,
        }
    }

    fn step(&mut self, frontier: u64) {
        while self.desk.done.try_recv().is_ok() {
            self.under_way = false;
        }
        self.replay_through(frontier);
        self.cut_if_due(frontier);
        self.reject_ahead();
        self.hold_the_source();
    }

    /// The end of a bounded run.
    fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.replay_through(u64::MAX);
        let draft = self.desk.ledger.last_cut();
        self.report_mismatches();
        if let Some(draft) = draft {
            self.send(draft);
        }
        // A thread that has ended has reported why.
        let _ = self.desk.commits.send(Commit::End);
    }

    fn replay_through(&mut self, frontier: u64) {
        if !self.ready && frontier >= self.desk.begun_at {
            self.ready = true;
            self.desk.shared.set_ready();
        }
    }

    fn cut_if_due(&mut self, frontier: u64) {
        if self.under_way || !self.desk.ledger.has_news(frontier) {
            return;
        }
        let waited = self.committed_at.elapsed();
        if waited < self.desk.period && !self.desk.ledger.closes_a_window(frontier) {
            self.activator.activate_after(self.desk.period - waited);
            return;
        }
        let draft = self.desk.ledger.cut(frontier);
        self.report_mismatches();
        if let Some(draft) = draft {
            self.committed_at = Instant::now();
            self.send(draft);
        }
    }

    /// What was published before is only sure to be whole once the replay is through.
    fn reject_ahead(&mut self) {
        if self.under_way || !self.ready {
            return;
        }
        if let Some(draft) = self.desk.ledger.rejects_ahead() {
            self.send(draft);
        }
    }

    fn send(&mut self, draft: Draft) {
        let ledger = &self.desk.ledger;
        let commit = Commit::Write {
            progress: Box::new(ledger.progress(&self.desk.currency)),
            rejected_ahead: ledger.rejected_ahead(),
            draft,
        };
        self.under_way = true;
        // A thread that has ended has reported why; the job is about to stop.
        let _ = self.desk.commits.send(commit);
    }

    /// While a commit is under way, reading on is bounded.
    fn hold_the_source(&self) {
        let shared = &self.desk.shared;
        let too_much = self.desk.ledger.waiting_records() > MOST_WAITING
            || shared
                .rejected_bytes
                .load(Ordering::Relaxed)
                .max(self.desk.ledger.rejects_bytes())
                > MOST_REJECTED_BYTES;
        let hold = self.under_way && too_much;
        if shared.hold.swap(hold, Ordering::AcqRel) && !hold {
            shared.clocks.wake_all();
        }
    }

    fn report_mismatches(&mut self) {
        for mismatch in self.desk.ledger.take_mismatches() {
            self.desk.shared.metrics.replay_mismatches.inc();
            tracing::error!(
                window = mismatch.window,
                published_orders = mismatch.published.orders,
                replayed_orders = mismatch.replayed.orders,
                published_cents = %mismatch.published.cents,
                replayed_cents = %mismatch.replayed.cents,
                "the log gives another result than was published; the window stays as it was published"
            );
        }
    }
}
