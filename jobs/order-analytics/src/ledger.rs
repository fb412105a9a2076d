//! What has been published, and what the next commit holds. Pure: no Kafka, no clock, no threads.
//!
//! A commit is a cut at the frontier: it holds exactly what the records stamped before it come to.

mod positions;
mod published;
mod rejects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use weir_dataflow::accumulate::Counted;
use weir_dataflow::changelog::Totals as WindowTotals;
use weir_dataflow::source::{Fact, Reason, Reject, Start};
use weir_dataflow::window::Rules;
use weir_proto::AnalyticsResult;

use crate::progress::{Progress, Published};
use crate::status::Totals;

use self::positions::Positions;
pub(crate) use self::published::Mismatch;
use self::published::Windows;
use self::rejects::Rejects;

/// Something that the dataflow says, at a time.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    /// A change of the windows' changelog: start of the window, its totals, and whether the row comes or goes.
    Row(u64, WindowTotals, isize),
    /// A fact of the source.
    Fact(Fact),
    /// Orders of one stamp that counted.
    Counted(Counted),
}

/// What one commit writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    /// New results and revisions, by window.
    pub(crate) results: Vec<AnalyticsResult>,
    /// Records for the dead-letter and the late topic.
    pub(crate) rejects: Vec<Reject>,
    /// For the group: the next offset of each partition that has moved.
    pub(crate) offsets: Vec<(i32, i64)>,
    /// The cut.
    pub(crate) frontier: u64,
    /// All totals at the cut.
    pub(crate) totals: Totals,
}

/// The state of the job between commits.
#[derive(Debug)]
pub(crate) struct Ledger {
    rules: Rules,
    /// The cut at which this run began: what is stamped before it is replay.
    begun_at: u64,
    frontier: u64,
    final_until: u64,
    totals: Totals,
    windows: Windows,
    positions: Positions,
    notes: BTreeMap<u64, Vec<Note>>,
    rejects: Rejects,
    waiting_records: u64,
}

impl Ledger {
    /// The ledger at the start of a run: the published windows that may still be revised, and the totals so far.
    /// Windows that end at or before `rebuilt_until` (seconds) were published by runs whose progress is lost.
    pub(crate) fn new(
        rules: Rules,
        start: &Start,
        totals: Totals,
        published: BTreeMap<u64, Published>,
        rebuilt_until: u64,
    ) -> Self {
        Self {
            rules,
            begun_at: start.frontier,
            frontier: start.frontier,
            final_until: start.final_until,
            totals,
            windows: Windows::new(rules, start.frontier, published, rebuilt_until),
            positions: Positions::new(start),
            notes: BTreeMap::new(),
            rejects: Rejects::default(),
            waiting_records: 0,
        }
    }

    /// Remembers the record before `processed` of a partition, as the progress told it.
    pub(crate) fn set_prior(&mut self, partition: i32, prior: Option<(i64, Option<i64>)>) {
        self.positions.set_prior(partition, prior);
    }

    /// Takes in what the dataflow says of `time`.
    pub(crate) fn note(&mut self, time: u64, note: Note) {
        match note {
            Note::Fact(Fact::Reject(reject)) => {
                self.rejects.add(time, reject);
                return;
            }
            Note::Fact(Fact::Tally(tally)) => {
                self.waiting_records += tally.consumed;
                // One for each batch or even record: all of one stamp are one note.
                let last = self.notes.get_mut(&time).and_then(|notes| notes.last_mut());
                if let Some(Note::Fact(Fact::Tally(sum))) = last {
                    *sum += tally;
                    return;
                }
            }
            _ => {}
        }
        self.notes.entry(time).or_default().push(note);
    }

    /// Memory that the rejects take which are in no commit yet, in bytes, roughly.
    pub(crate) fn rejects_bytes(&self) -> u64 {
        self.rejects.bytes()
    }

    /// Writes rejects ahead of their cut from now on once they take so much memory.
    #[cfg(test)]
    pub(crate) fn set_ahead_bytes(&mut self, bytes: u64) {
        self.rejects.set_ahead_bytes(bytes);
    }

    /// Rejects to be written ahead of the cut they belong to, once there are many: a flood of garbage moves no clock,
    /// so it would wait in memory for ever, and then go into one transaction without bounds.
    ///
    /// Only those whose verdict is the same on every reading: the invalid, and orders of windows that the last cut
    /// has made final. Everything else of the progress stays as of the last cut; `processed` does too, so a start
    /// asks the topics which of the records behind it they hold already (`rejected_from` of the progress).
    pub(crate) fn rejects_ahead(&mut self) -> Option<Draft> {
        let (rules, final_until) = (self.rules, self.final_until);
        let rejects = self.rejects.ahead(|reject| match reject.reason {
            Reason::Invalid(_) => true,
            Reason::Late(_) => reject
                .window
                .is_some_and(|window| rules.end(window) <= final_until),
        });
        for reject in &rejects {
            self.positions.rejected(reject.partition, reject.offset);
        }
        (!rejects.is_empty()).then(|| Draft {
            rejects,
            frontier: self.frontier,
            totals: self.totals,
            ..Draft::default()
        })
    }

    /// Whether a start must ask the topics of rejects which records they hold already: of those that belong to no cut
    /// yet, and, where the progress had been lost, of those that are read again for the live windows.
    pub(crate) fn rejected_ahead(&self) -> bool {
        self.positions.rejected_ahead()
    }

    /// Records that were read and are in no cut yet.
    pub(crate) fn waiting_records(&self) -> u64 {
        self.waiting_records
    }

    /// Whether a cut at `frontier` would publish a window for the first time.
    pub(crate) fn closes_a_window(&self, frontier: u64) -> bool {
        self.notes
            .range(..frontier)
            .flat_map(|(_, notes)| notes)
            .any(|note| matches!(note, Note::Row(window, _, 1..) if !self.windows.published().contains_key(window)))
    }

    /// Whether there is anything at all before `frontier`.
    pub(crate) fn has_news(&self, frontier: u64) -> bool {
        self.notes.range(..frontier).next().is_some() || self.rejects.any_before(frontier)
    }

    /// The cut at `frontier`; `None` if there is nothing new to write.
    pub(crate) fn cut(&mut self, frontier: u64) -> Option<Draft> {
        let rest = self.notes.split_off(&frontier);
        let notes = std::mem::replace(&mut self.notes, rest);
        let rejects = self.rejects.take_before(frontier);
        let (mut draft, _) = self.settle(frontier, notes, rejects);
        self.conclude(&mut draft, frontier.max(self.frontier))
    }

    /// The cut at the end of a bounded run: everything was read, windows still open are published early. It stands
    /// where the furthest clock stands, and one second on if a record is stamped there.
    pub(crate) fn last_cut(&mut self) -> Option<Draft> {
        let notes = std::mem::take(&mut self.notes);
        let rejects = self.rejects.take_all();
        let (mut draft, furthest) = self.settle(u64::MAX, notes, rejects);
        self.conclude(&mut draft, furthest.max(self.frontier))
    }

    /// Replays that did not give what was published, since the last call.
    pub(crate) fn take_mismatches(&mut self) -> Vec<Mismatch> {
        self.windows.take_mismatches()
    }

    fn settle(
        &mut self,
        frontier: u64,
        notes: BTreeMap<u64, Vec<Note>>,
        rejects: Vec<Reject>,
    ) -> (Draft, u64) {
        let mut draft = Draft {
            rejects,
            ..Draft::default()
        };
        let mut furthest = 0;
        let mut rows: BTreeMap<u64, WindowTotals> = BTreeMap::new();
        for (time, notes) in notes {
            let replay = time < self.begun_at;
            for note in notes {
                match note {
                    // From here on workers retract their parts of the window, each perhaps at its own pace: what is
                    // left of it in between is no result.
                    Note::Row(window, ..) if time >= self.rules.end(window) + self.rules.lateness => {}
                    // A row that goes is either followed by the one that takes its place, or its window is final.
                    Note::Row(window, totals, 1..) => {
                        if replay {
                            self.windows.compare_replay(window, totals);
                        }
                        rows.insert(window, totals);
                    }
                    // Rejects are kept apart.
                    Note::Row(..) | Note::Fact(Fact::Reject(_)) => {}
                    Note::Fact(Fact::Position(position)) => {
                        furthest = furthest.max(position.clock + u64::from(position.stamped));
                        self.positions.moved(position, &mut draft.offsets);
                    }
                    Note::Fact(Fact::Tally(tally)) => {
                        self.waiting_records = self.waiting_records.saturating_sub(tally.consumed);
                        self.totals.consumed += tally.consumed;
                        self.totals.ignored += tally.ignored;
                        self.totals.late += tally.late;
                        self.totals.invalid += tally.invalid;
                    }
                    Note::Counted(counted) if !replay => {
                        self.totals.accepted += counted.accepted;
                        self.totals.duplicate += counted.duplicate;
                    }
                    Note::Counted(_) => {}
                }
            }
        }
        if frontier >= self.begun_at {
            self.windows.miss();
        }
        for (window, totals) in rows {
            draft.results.extend(self.windows.publish(window, totals));
        }
        (draft, furthest)
    }

    fn conclude(&mut self, draft: &mut Draft, frontier: u64) -> Option<Draft> {
        let moved = frontier > self.frontier;
        self.frontier = frontier;
        self.final_until = self.final_until.max(frontier.saturating_sub(self.rules.lateness));
        let last_is_final = self.windows.finish(self.final_until);
        self.positions.forget(self.rules, self.final_until);
        draft.offsets.sort_unstable();
        draft.frontier = frontier;
        draft.totals = self.totals;
        // Once no window is live a start has nothing to read again, but only the progress can tell it.
        let news = !draft.results.is_empty()
            || !draft.rejects.is_empty()
            || (moved && !draft.offsets.is_empty())
            || last_is_final;
        news.then(|| std::mem::take(draft))
    }

    /// The progress record as of the last cut; who writes it adds sequence, instance and positions in topics.
    pub(crate) fn progress(&self, currency: &str) -> Progress {
        Progress {
            version: crate::progress::VERSION,
            sequence: 0,
            instance: String::new(),
            window: self.rules.window,
            lag: self.rules.lag,
            max_ahead_ms: self.rules.max_ahead_ms,
            currency: currency.to_owned(),
            frontier: self.frontier,
            final_until: self.final_until,
            totals: self.totals,
            parquet_position: None,
            rejected_from: None,
            rebuilt_until: Some(self.windows.rebuilt_until()).filter(|until| *until > self.final_until),
            partitions: self.positions.progress(),
            windows: self.windows.published().clone(),
        }
    }
}
