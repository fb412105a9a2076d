//! One partition as its worker sees it.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Decoded, Entry, Fact, Position, Reason, Reject, RejectedBefore, StartPartition, Tally};
use crate::order::Order;
use crate::window::Rules;

/// What reading one batch gave, in the order of stamps.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    /// Orders by stamp.
    pub(super) orders: Vec<(u64, Vec<Order>)>,
    /// Facts by stamp.
    pub(super) facts: Vec<(u64, Fact)>,
    /// Whether a valid order beyond the replay was read.
    pub(super) valid: bool,
    /// Bytes of rejected records held.
    pub(super) rejected_bytes: usize,
}

impl Harvest {
    fn order(&mut self, stamp: u64, order: Order) {
        match self.orders.last_mut() {
            Some((last, batch)) if *last == stamp => batch.push(order),
            _ => self.orders.push((stamp, vec![order])),
        }
    }

    fn tally(&mut self, stamp: u64) -> &mut Tally {
        let same = matches!(self.facts.last(), Some((last, Fact::Tally(_))) if *last == stamp);
        if !same {
            self.facts.push((stamp, Fact::Tally(Tally::default())));
        }
        match self.facts.last_mut() {
            Some((_, Fact::Tally(tally))) => tally,
            _ => unreachable!("a tally was just pushed"),
        }
    }
}

/// The state of one partition.
pub(super) struct Partition {
    pub(super) id: i32,
    /// The clock in seconds: it says that orders up to there have been read.
    pub(super) clock: u64,
    /// The next offset to read.
    pub(super) position: i64,
    /// The offset at which a bounded run ends.
    pub(super) end: Option<i64>,
    pub(super) finished: bool,
    /// Whether the reader may have records at hand.
    pub(super) maybe_more: bool,
    /// An answer whose end had not been reached when it came: when it was asked, and the end.
    pub(super) unanswered: Option<(i64, i64)>,
    /// When the partition was last found without any record.
    pub(super) empty_at: Option<i64>,
    /// Offset of the last order read beyond the replay.
    last_order: Option<i64>,
    /// Records before it were in the last cut; they are read again only to fill the live windows.
    processed: i64,
    replaying: bool,
    /// Stamp of replayed records: before every cut of this run.
    replay_stamp: u64,
    prior: Option<(i64, Option<i64>)>,
    firsts: Vec<(u64, i64)>,
    seen: BTreeSet<u64>,
    last_window: u64,
    stamped: bool,
    /// Records read under each stamp that no cut holds yet.
    ahead: VecDeque<(u64, u64)>,
}

impl Partition {
    pub(super) fn new(id: i32, start: StartPartition, frontier: u64) -> Self {
        Self {
            id,
            clock: frontier,
            position: start.resume,
            end: None,
            finished: false,
            maybe_more: true,
            unanswered: None,
            empty_at: None,
            last_order: None,
            processed: start.processed,
            replaying: start.replays(),
            replay_stamp: frontier.saturating_sub(1),
            prior: None,
            firsts: Vec::new(),
            seen: BTreeSet::new(),
            last_window: u64::MAX,
            stamped: false,
            ahead: VecDeque::new(),
        }
    }

    /// The least time that anything of this partition can still be sent at.
    pub(super) fn holds(&self) -> Option<u64> {
        match (self.finished, self.replaying) {
            (true, _) => None,
            (false, true) => Some(self.replay_stamp),
            (false, false) => Some(self.clock),
        }
    }

    /// Whether everything that the last cut held has been read again.
    pub(super) fn caught_up(&self) -> bool {
        !self.replaying
    }

    /// Records read that are stamped at or beyond `frontier`.
    pub(super) fn in_flight(&mut self, frontier: u64) -> u64 {
        while self.ahead.front().is_some_and(|(stamp, _)| *stamp < frontier) {
            self.ahead.pop_front();
        }
        self.ahead.iter().map(|(_, records)| records).sum()
    }

    /// Takes one record.
    #[inline]
    pub(super) fn take(
        &mut self,
        rules: &Rules,
        final_until: u64,
        rejected: &HashMap<(i32, i64), RejectedBefore>,
        entry: Entry<'_>,
        decoded: Decoded,
        harvest: &mut Harvest,
    ) {
        self.position = entry.offset + 1;
        let before = if rejected.is_empty() {
            None
        } else {
            rejected.get(&(self.id, entry.offset)).copied()
        };
        if self.replaying {
            if entry.offset < self.processed {
                self.replay(rules, final_until, entry, decoded, before, harvest);
                return;
            }
            self.caught_up_at(entry.offset, harvest);
        }
        match decoded {
            Decoded::Order(order) => {
                let event_ms = order.event_ms;
                if rules.is_ahead(event_ms, entry.timestamp) {
                    let text = format!(
                        "field `created_at` lies more than {} s ahead of the record's timestamp",
                        rules.max_ahead_ms / 1_000
                    );
                    self.reject(entry, Reason::Invalid(text), None, before, harvest);
                } else {
                    self.move_clock(rules.clock_of(event_ms, entry.timestamp), entry.offset, harvest);
                    self.unanswered = None;
                    self.empty_at = None;
                    self.last_order = Some(entry.offset);
                    harvest.valid = true;
                    let window = rules.window_of(event_ms);
                    if before.is_some() || rules.is_late(window, self.clock, final_until) {
                        let text = format!(
                            "order came after its window [{window}, {}) was final",
                            rules.end(window)
                        );
                        self.reject(entry, Reason::Late(text), Some(window), before, harvest);
                    } else {
                        self.saw(window, entry.offset);
                        harvest.order(self.clock, order.into_order(window));
                    }
                }
            }
            Decoded::Ignored => harvest.tally(self.clock).ignored += 1,
            Decoded::Invalid(text) => self.reject(entry, Reason::Invalid(text), None, before, harvest),
        }
        harvest.tally(self.clock).consumed += 1;
        self.prior = Some((entry.offset, entry.timestamp));
        self.stamped = true;
        match self.ahead.back_mut() {
            Some((stamp, records)) if *stamp == self.clock => *records += 1,
            _ => self.ahead.push_back((self.clock, 1)),
        }
    }

    /// A record that an earlier cut holds: accepted then exactly if it is valid, its window is live now, and no run
    /// before that one had rejected it.
    fn replay(
        &mut self,
        rules: &Rules,
        final_until: u64,
        entry: Entry<'_>,
        decoded: Decoded,
        before: Option<RejectedBefore>,
        harvest: &mut Harvest,
    ) {
        if let Decoded::Order(order) = decoded {
            let window = rules.window_of(order.event_ms);
            let live = rules.end(window) > final_until && before.is_none();
            if live && !rules.is_ahead(order.event_ms, entry.timestamp) {
                self.saw(window, entry.offset);
                harvest.order(self.replay_stamp, order.into_order(window));
            }
        }
        self.prior = Some((entry.offset, entry.timestamp));
        if entry.offset + 1 >= self.processed {
            self.caught_up_at(entry.offset + 1, harvest);
        }
    }

    /// The replay is through; what comes from `next` on is new.
    pub(super) fn caught_up_at(&mut self, next: i64, harvest: &mut Harvest) {
        self.replaying = false;
        if self.replay_stamp < self.clock {
            let position = self.position_fact(next.max(self.processed), self.clock);
            harvest.facts.push((self.replay_stamp, position));
        }
    }

    /// The reader's position has passed what is no record.
    pub(super) fn passed(&mut self, position: i64, harvest: &mut Harvest) {
        self.position = self.position.max(position);
        if self.replaying && self.position >= self.processed {
            self.caught_up_at(self.processed, harvest);
        }
    }

    /// Moves the clock on, never back; `next` is the first record that is stamped there or beyond.
    pub(super) fn move_clock(&mut self, clock: u64, next: i64, harvest: &mut Harvest) {
        if clock > self.clock {
            let position = self.position_fact(next, clock);
            harvest.facts.push((self.clock, position));
            self.clock = clock;
            self.stamped = false;
        }
    }

    /// The run ends at `end`, or where the partition has got to by now: what was read is counted. The first end holds.
    pub(super) fn bound(&mut self, end: i64) {
        self.end.get_or_insert(end.max(self.position).max(self.processed));
    }

    /// Whether an answer that names `end` says anything of now: an order behind it has come since it was asked for.
    pub(super) fn outdates(&self, end: i64) -> bool {
        self.last_order.is_some_and(|offset| offset >= end)
    }

    /// The end of a bounded run: nothing more of this partition will be sent.
    pub(super) fn finish(&mut self, harvest: &mut Harvest) {
        self.finished = true;
        let next = self.end.unwrap_or(self.position).max(self.processed);
        let position = self.position_fact(next, self.clock);
        harvest.facts.push((self.clock, position));
    }

    fn position_fact(&mut self, next: i64, clock: u64) -> Fact {
        Fact::Position(Position {
            partition: self.id,
            clock,
            next,
            prior: self.prior,
            firsts: std::mem::take(&mut self.firsts),
            stamped: self.stamped,
        })
    }

    /// Notes the first record of each window: a restart must read from there as long as the window is live.
    #[inline]
    fn saw(&mut self, window: u64, offset: i64) {
        if window != self.last_window {
            self.last_window = window;
            if self.seen.insert(window) {
                self.firsts.push((window, offset));
            }
        }
    }

    /// Forgets windows that end at or before `final_until`.
    pub(super) fn forget(&mut self, rules: &Rules, final_until: u64) {
        while self
            .seen
            .first()
            .is_some_and(|first| rules.end(*first) <= final_until)
        {
            self.seen.pop_first();
        }
    }

    fn reject(
        &mut self,
        entry: Entry<'_>,
        reason: Reason,
        window: Option<u64>,
        before: Option<RejectedBefore>,
        harvest: &mut Harvest,
    ) {
        let tally = harvest.tally(self.clock);
        let late = match before {
            Some(before) => before == RejectedBefore::Late,
            None => matches!(reason, Reason::Late(_)),
        };
        if late {
            tally.late += 1;
        } else {
            tally.invalid += 1;
        }
        if before.is_some() {
            return;
        }
        harvest.rejected_bytes += entry.key.map_or(0, <[u8]>::len) + entry.value.map_or(0, <[u8]>::len);
        let reject = Reject {
            partition: self.id,
            offset: entry.offset,
            timestamp: entry.timestamp,
            key: entry.key.map(<[u8]>::to_vec),
            value: entry.value.map(<[u8]>::to_vec),
            reason,
            window,
        };
        harvest.facts.push((self.clock, Fact::Reject(reject)));
    }
}
