//! What has been published, and what the next commit holds. Pure: no Kafka, no clock, no threads.
//!
//! A commit is a cut at the frontier: it holds exactly what the records stamped before it come to.

use std::collections::{BTreeMap, BTreeSet};

use weir_dataflow::accumulate::Counted;
use weir_dataflow::changelog::Totals as WindowTotals;
use weir_dataflow::source::{Fact, Position, Reject, Start};
use weir_dataflow::window::Rules;
use weir_proto::{AnalyticsResult, MoneySum, Timestamp};

use crate::progress::{PartitionProgress, Progress, Published, PublishedTotals};
use crate::status::Totals;

/// Something that the dataflow says, at a time.
#[derive(Clone, Debug)]
pub enum Note {
    /// A change of the windows' changelog: start of the window, its totals, and whether the row comes or goes.
    Row(u64, WindowTotals, isize),
    /// A fact of the source.
    Fact(Fact),
    /// Orders of one stamp that counted.
    Counted(Counted),
}

/// What one commit writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// New results and revisions, by window.
    pub results: Vec<AnalyticsResult>,
    /// Records for the dead-letter and the late topic.
    pub rejects: Vec<Reject>,
    /// For the group: the next offset of each partition that has moved.
    pub offsets: Vec<(i32, i64)>,
    /// The cut.
    pub frontier: u64,
    /// All totals at the cut.
    pub totals: Totals,
}

/// A window that the replay gave other totals than were published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Start of the window in seconds.
    pub window: u64,
    /// What was published.
    pub published: PublishedTotals,
    /// What the replay gives.
    pub replayed: PublishedTotals,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    processed: i64,
    prior: Option<(i64, Option<i64>)>,
    firsts: BTreeMap<u64, i64>,
}

/// The state of the job between commits.
#[derive(Debug)]
pub struct Ledger {
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
    mismatches: Vec<Mismatch>,
    waiting_records: u64,
}

impl Ledger {
    /// The ledger at the start of a run: the published windows that may still be revised, and the totals so far.
    pub fn new(rules: Rules, start: &Start, totals: Totals, published: BTreeMap<u64, Published>) -> Self {
        let partitions = start
            .partitions
            .iter()
            .map(|(id, at)| {
                (
                    *id,
                    Partition {
                        processed: at.processed,
                        ..Partition::default()
                    },
                )
            })
            .collect();
        Self {
            rules,
            begun_at: start.frontier,
            frontier: start.frontier,
            final_until: start.final_until,
            totals,
            published,
            frozen: BTreeSet::new(),
            partitions,
            notes: BTreeMap::new(),
            mismatches: Vec::new(),
            waiting_records: 0,
        }
    }

    /// Remembers the record before `processed` of a partition, as the progress told it.
    pub fn set_prior(&mut self, partition: i32, prior: Option<(i64, Option<i64>)>) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.prior = prior;
        }
    }

    /// Takes in what the dataflow says of `time`.
    pub fn note(&mut self, time: u64, note: Note) {
        if let Note::Fact(Fact::Tally(tally)) = &note {
            self.waiting_records += tally.consumed;
        }
        self.notes.entry(time).or_default().push(note);
    }

    /// Records that were read and are in no cut yet.
    pub fn waiting_records(&self) -> u64 {
        self.waiting_records
    }

    /// Whether a cut at `frontier` would publish a window for the first time.
    pub fn closes_a_window(&self, frontier: u64) -> bool {
        self.notes
            .range(..frontier)
            .flat_map(|(_, notes)| notes)
            .any(|note| matches!(note, Note::Row(window, _, 1..) if !self.published.contains_key(window)))
    }

    /// Whether there is anything at all before `frontier`.
    pub fn has_news(&self, frontier: u64) -> bool {
        self.notes.range(..frontier).next().is_some()
    }

    /// The cut at `frontier`; `None` if there is nothing new to write.
    pub fn cut(&mut self, frontier: u64) -> Option<Draft> {
        let rest = self.notes.split_off(&frontier);
        let notes = std::mem::replace(&mut self.notes, rest);
        let (mut draft, _) = self.settle(notes);
        self.conclude(&mut draft, frontier.max(self.frontier))
    }

    /// The cut at the end of a bounded run: everything was read, windows still open are published early. It stands
    /// where the furthest clock stands, and one second on if a record is stamped there.
    pub fn last_cut(&mut self) -> Option<Draft> {
        let notes = std::mem::take(&mut self.notes);
        let (mut draft, furthest) = self.settle(notes);
        self.conclude(&mut draft, furthest.max(self.frontier))
    }

    /// Replays that did not give what was published, since the last call.
    pub fn take_mismatches(&mut self) -> Vec<Mismatch> {
        std::mem::take(&mut self.mismatches)
    }

    fn settle(&mut self, notes: BTreeMap<u64, Vec<Note>>) -> (Draft, u64) {
        let mut draft = Draft::default();
        let mut furthest = 0;
        let mut rows: BTreeMap<u64, WindowTotals> = BTreeMap::new();
        for (time, notes) in notes {
            let replay = time < self.begun_at;
            for note in notes {
                match note {
                    // A row that goes is either followed by the one that takes its place, or its window is final.
                    Note::Row(window, totals, 1..) => {
                        if replay {
                            self.compare_replay(window, totals);
                        }
                        rows.insert(window, totals);
                    }
                    Note::Row(..) => {}
                    Note::Fact(Fact::Reject(reject)) => draft.rejects.push(reject),
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
        self.published
            .retain(|window, _| rules.end(*window) > final_until);
        self.frozen.retain(|window| rules.end(*window) > final_until);
        for partition in self.partitions.values_mut() {
            partition
                .firsts
                .retain(|window, _| rules.end(*window) > final_until);
        }
        draft.offsets.sort_unstable();
        draft.frontier = frontier;
        draft.totals = self.totals;
        let news =
            !draft.results.is_empty() || !draft.rejects.is_empty() || (moved && !draft.offsets.is_empty());
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

    /// The result to write for a window whose totals have become `totals`, if it is news.
    fn publish(&mut self, window: u64, totals: WindowTotals) -> Option<AnalyticsResult> {
        let revision = match self.published.get(&window) {
            None => 0,
            Some(published) => {
                if published.totals == totals.into() || self.frozen.contains(&window) {
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

    /// The progress record as of the last cut; who writes it adds sequence, instance and the Parquet position.
    pub fn progress(&self, currency: &str) -> Progress {
        let resume = |partition: &Partition| {
            let first = partition
                .firsts
                .values()
                .min()
                .copied()
                .unwrap_or(partition.processed);
            first.min(partition.processed)
        };
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
            partitions: self
                .partitions
                .iter()
                .map(|(id, partition)| {
                    let progress = PartitionProgress {
                        processed: partition.processed,
                        resume: resume(partition),
                        prior: partition.prior,
                    };
                    (*id, progress)
                })
                .collect(),
            windows: self.published.clone(),
        }
    }
}
