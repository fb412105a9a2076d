//! What has been published, and what the next commit holds. Pure: no Kafka, no clock, no threads.
//!
//! A commit is a cut at the frontier: it holds exactly what the records stamped before it come to.

use std::collections::{BTreeMap, BTreeSet};

use weir_dataflow::accumulate::Counted;
use weir_dataflow::changelog::Totals as WindowTotals;
use weir_dataflow::source::{Fact, Position, Reason, Reject, Start};
use weir_dataflow::window::Rules;
use weir_proto::{AnalyticsResult, MoneySum, Timestamp};

use crate::progress::{PartitionProgress, Progress, Published, PublishedTotals};
use crate::status::Totals;

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

/// A window that the replay gave other totals than were published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Start of the window in seconds.
    pub(crate) window: u64,
    /// What was published.
    pub(crate) published: PublishedTotals,
    /// What the replay gives.
    pub(crate) replayed: PublishedTotals,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    processed: i64,
    /// The first record of any live window, as of the last cut.
    resume: i64,
    prior: Option<(i64, Option<i64>)>,
    firsts: BTreeMap<u64, i64>,
    /// All rejects that were written ahead of their cut lie before it.
    rejected_until: i64,
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
    published: BTreeMap<u64, Published>,
    /// Windows whose replay did not give what was published: never published again.
    frozen: BTreeSet<u64>,
    partitions: BTreeMap<i32, Partition>,
    notes: BTreeMap<u64, Vec<Note>>,
    /// Rejects by stamp, and their size.
    rejects: BTreeMap<u64, Vec<Reject>>,
    rejects_bytes: u64,
    /// Rejects are written ahead of their cut once they are as large as this.
    ahead_at_bytes: u64,
    ahead_bytes: u64,
    mismatches: Vec<Mismatch>,
    waiting_records: u64,
    /// Windows that end at or before it (seconds) were published by runs whose progress is lost: they come to what was
    /// published bit by bit.
    rebuilt_until: u64,
    /// Windows that have come out of the replay, until the first cut after it has looked at them.
    replayed: Option<BTreeSet<u64>>,
    /// Windows that are not yet what was published.
    short: BTreeMap<u64, PublishedTotals>,
}

/// Rejects are written ahead of their cut once they take so much memory, in bytes.
const AHEAD_BYTES: u64 = 4 << 20;
/// What a reject takes in memory besides its key, value and reason, in bytes, roughly.
const REJECT_BYTES: u64 = 200;

fn bytes_of(reject: &Reject) -> u64 {
    let (Reason::Invalid(text) | Reason::Late(text)) = &reject.reason;
    let own =
        reject.key.as_ref().map_or(0, Vec::len) + reject.value.as_ref().map_or(0, Vec::len) + text.len();
    own as u64 + REJECT_BYTES
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
        let mut partitions: BTreeMap<i32, Partition> = start
            .partitions
            .iter()
            .map(|(id, at)| {
                (
                    *id,
                    Partition {
                        processed: at.processed,
                        resume: at.resume,
                        ..Partition::default()
                    },
                )
            })
            .collect();
        for (id, offset) in start.rejected.keys() {
            let partition = partitions.entry(*id).or_default();
            partition.rejected_until = partition.rejected_until.max(offset + 1);
        }
        Self {
            rules,
            rebuilt_until,
            replayed: Some(BTreeSet::new()),
            begun_at: start.frontier,
            frontier: start.frontier,
            final_until: start.final_until,
            totals,
            published,
            frozen: BTreeSet::new(),
            partitions,
            notes: BTreeMap::new(),
            rejects: BTreeMap::new(),
            rejects_bytes: 0,
            ahead_at_bytes: AHEAD_BYTES,
            ahead_bytes: AHEAD_BYTES,
            short: BTreeMap::new(),
            mismatches: Vec::new(),
            waiting_records: 0,
        }
    }

    /// Remembers the record before `processed` of a partition, as the progress told it.
    pub(crate) fn set_prior(&mut self, partition: i32, prior: Option<(i64, Option<i64>)>) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.prior = prior;
        }
    }

    /// Takes in what the dataflow says of `time`.
    pub(crate) fn note(&mut self, time: u64, note: Note) {
        match note {
            Note::Fact(Fact::Reject(reject)) => {
                self.rejects_bytes += bytes_of(&reject);
                self.rejects.entry(time).or_default().push(reject);
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
        self.rejects_bytes
    }

    /// Writes rejects ahead of their cut from now on once they take so much memory.
    #[cfg(test)]
    pub(crate) fn set_ahead_bytes(&mut self, bytes: u64) {
        self.ahead_bytes = bytes;
        self.ahead_at_bytes = bytes;
    }

    /// Rejects to be written ahead of the cut they belong to, once there are many: a flood of garbage moves no clock,
    /// so it would wait in memory for ever, and then go into one transaction without bounds.
    ///
    /// Only those whose verdict is the same on every reading: the invalid, and orders of windows that the last cut
    /// has made final. Everything else of the progress stays as of the last cut; `processed` does too, so a start
    /// asks the topics which of the records behind it they hold already (`rejected_from` of the progress).
    pub(crate) fn rejects_ahead(&mut self) -> Option<Draft> {
        if self.rejects_bytes < self.ahead_at_bytes {
            return None;
        }
        let (rules, final_until) = (self.rules, self.final_until);
        let settled = |reject: &Reject| match reject.reason {
            Reason::Invalid(_) => true,
            Reason::Late(_) => reject
                .window
                .is_some_and(|window| rules.end(window) <= final_until),
        };
        // A commit is held several times on its way, so it is no larger than it must be.
        let mut room = self.ahead_bytes;
        let mut taken = |reject: &mut Reject| {
            let take = room > 0 && settled(reject);
            if take {
                room = room.saturating_sub(bytes_of(reject));
            }
            take
        };
        let mut rejects = Vec::new();
        for waiting in self.rejects.values_mut() {
            rejects.extend(waiting.extract_if(.., &mut taken));
        }
        self.rejects.retain(|_, waiting| !waiting.is_empty());
        for reject in &rejects {
            self.rejects_bytes = self.rejects_bytes.saturating_sub(bytes_of(reject));
            let partition = self.partitions.entry(reject.partition).or_default();
            partition.rejected_until = partition.rejected_until.max(reject.offset + 1);
        }
        // Those that are left are either the rest, or must wait for their cut.
        let left = if room == 0 { 0 } else { self.rejects_bytes };
        self.ahead_at_bytes = left + self.ahead_bytes;
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
        self.partitions
            .values()
            .any(|partition| partition.rejected_until > partition.resume)
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
            .any(|note| matches!(note, Note::Row(window, _, 1..) if !self.published.contains_key(window)))
    }

    /// Whether there is anything at all before `frontier`.
    pub(crate) fn has_news(&self, frontier: u64) -> bool {
        self.notes.range(..frontier).next().is_some() || self.rejects.range(..frontier).next().is_some()
    }

    /// The cut at `frontier`; `None` if there is nothing new to write.
    pub(crate) fn cut(&mut self, frontier: u64) -> Option<Draft> {
        let rest = self.notes.split_off(&frontier);
        let notes = std::mem::replace(&mut self.notes, rest);
        let rest = self.rejects.split_off(&frontier);
        let rejects = std::mem::replace(&mut self.rejects, rest);
        let (mut draft, _) = self.settle(frontier, notes, rejects);
        self.conclude(&mut draft, frontier.max(self.frontier))
    }

    /// The cut at the end of a bounded run: everything was read, windows still open are published early. It stands
    /// where the furthest clock stands, and one second on if a record is stamped there.
    pub(crate) fn last_cut(&mut self) -> Option<Draft> {
        let notes = std::mem::take(&mut self.notes);
        let rejects = std::mem::take(&mut self.rejects);
        let (mut draft, furthest) = self.settle(u64::MAX, notes, rejects);
        self.conclude(&mut draft, furthest.max(self.frontier))
    }

    /// Replays that did not give what was published, since the last call.
    pub(crate) fn take_mismatches(&mut self) -> Vec<Mismatch> {
        std::mem::take(&mut self.mismatches)
    }

    fn settle(
        &mut self,
        frontier: u64,
        notes: BTreeMap<u64, Vec<Note>>,
        rejects: BTreeMap<u64, Vec<Reject>>,
    ) -> (Draft, u64) {
        let mut draft = Draft {
            rejects: rejects.into_values().flatten().collect(),
            ..Draft::default()
        };
        let written: u64 = draft.rejects.iter().map(bytes_of).sum();
        self.rejects_bytes = self.rejects_bytes.saturating_sub(written);
        self.ahead_at_bytes = self.rejects_bytes + self.ahead_bytes;
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
                            self.compare_replay(window, totals);
                            self.replayed.iter_mut().for_each(|replayed| {
                                replayed.insert(window);
                            });
                        }
                        rows.insert(window, totals);
                    }
                    // Rejects are kept apart.
                    Note::Row(..) | Note::Fact(Fact::Reject(_)) => {}
                    Note::Fact(Fact::Position(position)) => {
                        furthest = furthest.max(position.clock + u64::from(position.stamped));
                        self.moved(position, &mut draft.offsets);
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
            self.miss_windows();
        }
        for (window, totals) in rows {
            draft.results.extend(self.publish(window, totals));
        }
        (draft, furthest)
    }

    fn conclude(&mut self, draft: &mut Draft, frontier: u64) -> Option<Draft> {
        let moved = frontier > self.frontier;
        self.frontier = frontier;
        let (rules, final_until) = (
            self.rules,
            self.final_until.max(frontier.saturating_sub(self.rules.lateness)),
        );
        self.final_until = final_until;
        let finals: BTreeMap<u64, Published> = self
            .published
            .extract_if(.., |window, _| rules.end(*window) <= final_until)
            .collect();
        self.frozen.retain(|window| rules.end(*window) > final_until);
        for (window, replayed) in self
            .short
            .extract_if(.., |window, _| rules.end(*window) <= final_until)
        {
            if let Some(published) = finals.get(&window) {
                self.mismatches.push(Mismatch {
                    window,
                    published: published.totals,
                    replayed,
                });
            }
        }
        for partition in self.partitions.values_mut() {
            partition
                .firsts
                .retain(|window, _| rules.end(*window) > final_until);
            let first = partition.firsts.values().min().copied();
            partition.resume = first.unwrap_or(partition.processed).min(partition.processed);
        }
        draft.offsets.sort_unstable();
        draft.frontier = frontier;
        draft.totals = self.totals;
        // Once no window is live a start has nothing to read again, but only the progress can tell it.
        let last_is_final = !finals.is_empty() && self.published.is_empty();
        let news = !draft.results.is_empty()
            || !draft.rejects.is_empty()
            || (moved && !draft.offsets.is_empty())
            || last_is_final;
        news.then(|| std::mem::take(draft))
    }

    fn moved(&mut self, position: Position, offsets: &mut Vec<(i32, i64)>) {
        let partition = self.partitions.entry(position.partition).or_default();
        for (window, offset) in position.firsts {
            let first = partition.firsts.entry(window).or_insert(offset);
            *first = offset.min(*first);
        }
        if position.prior.is_some() {
            partition.prior = position.prior;
        }
        if position.next > partition.processed {
            partition.processed = position.next;
            offsets.retain(|(id, _)| *id != position.partition);
            offsets.push((position.partition, position.next));
        }
    }

    /// A window that was published must come out of the replay as it was.
    fn compare_replay(&mut self, window: u64, replayed: WindowTotals) {
        if let Some(published) = self.published.get(&window)
            && self.rules.end(window) <= self.begun_at
            && !self.rebuilds(window)
            && published.totals != replayed.into()
        {
            self.mismatches.push(Mismatch {
                window,
                published: published.totals,
                replayed: replayed.into(),
            });
            self.frozen.insert(window);
        }
    }

    /// At the first cut after the replay: a published window of which the replay gave nothing is a mismatch too.
    fn miss_windows(&mut self) {
        let Some(replayed) = self.replayed.take() else {
            return;
        };
        for (&window, published) in &self.published {
            let must_come = self.rules.end(window) <= self.begun_at && !self.rebuilds(window);
            if must_come && !replayed.contains(&window) {
                self.mismatches.push(Mismatch {
                    window,
                    published: published.totals,
                    replayed: PublishedTotals::default(),
                });
                self.frozen.insert(window);
            }
        }
    }

    /// Whether a window was published by a run whose progress is lost, so that the records it was made of may still
    /// have to be read.
    fn rebuilds(&self, window: u64) -> bool {
        self.rules.end(window) <= self.rebuilt_until
    }

    /// The result to write for a window whose totals have become `totals`, if it is news.
    fn publish(&mut self, window: u64, totals: WindowTotals) -> Option<AnalyticsResult> {
        let revision = match self.published.get(&window) {
            None => 0,
            Some(published) => {
                if published.totals == totals.into() || self.frozen.contains(&window) {
                    self.short.remove(&window);
                    return None;
                }
                if self.rebuilds(window) && totals.orders <= published.totals.orders {
                    // The late orders of then are still to be read.
                    self.short.insert(window, totals.into());
                    return None;
                }
                if totals.orders <= published.totals.orders {
                    // Never fewer orders than before: a log that has lost some must not undo what was published.
                    self.mismatches.push(Mismatch {
                        window,
                        published: published.totals,
                        replayed: totals.into(),
                    });
                    return None;
                }
                published.revision + 1
            }
        };
        self.short.remove(&window);
        self.published.insert(
            window,
            Published {
                revision,
                totals: totals.into(),
            },
        );
        let at = |second: u64| {
            let millis = i64::try_from(second).unwrap_or(i64::MAX).saturating_mul(1_000);
            Timestamp::from_millis(millis)
                .expect("a window holds an order, so it lies within the years of event times")
        };
        Some(AnalyticsResult {
            window_start: at(window),
            window_end: at(self.rules.end(window)),
            order_count: totals.orders,
            total_revenue: MoneySum::from_minor(totals.cents),
            total_items: totals.items,
            unique_users: totals.users,
            revision,
        })
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
            rebuilt_until: (self.rebuilt_until > self.final_until).then_some(self.rebuilt_until),
            partitions: self
                .partitions
                .iter()
                .map(|(id, partition)| {
                    let progress = PartitionProgress {
                        processed: partition.processed,
                        resume: partition.resume,
                        prior: partition.prior,
                    };
                    (*id, progress)
                })
                .collect(),
            windows: self.published.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
