//! What the source's operator does in a turn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::TryRecvError;

use timely::dataflow::operators::Capability;
use timely::scheduling::Activator;

use super::control::Control;
use super::operator::Setup;
use super::partition::{Harvest, Partition};
use super::{Decoded, Entry, Fact, Log, StartPartition};
use crate::order::Order;

/// Records asked of the log at once.
const BATCH: usize = 1_024;
/// Batches read before the other operators get their turn.
const BATCHES_A_TURN: usize = 8;

/// The partitions of one worker, and its hold on the frontier.
pub(super) struct Reader<L, D, F> {
    pub(super) capabilities: Option<(Capability<u64>, Capability<u64>)>,
    pub(super) partitions: BTreeMap<i32, Partition>,
    /// The run ends where its partitions end.
    pub(super) bounded: bool,
    pub(super) broken: bool,
    pub(super) log: L,
    pub(super) setup: Setup,
    pub(super) decode: D,
    pub(super) failed: F,
    pub(super) activator: Activator,
    pub(super) shown_in_flight: u64,
    pub(super) index: usize,
    pub(super) peers: usize,
}

impl<L, D, F> Reader<L, D, F>
where
    L: Log,
    D: FnMut(&Entry<'_>) -> Decoded,
    F: FnMut(L::Error),
{
    pub(super) fn mine(&self, partition: i32) -> bool {
        usize::try_from(partition).is_ok_and(|partition| partition % self.peers == self.index)
    }

    /// Begins to read this worker's partitions where the start says.
    pub(super) fn begin(&mut self) {
        let start = Arc::clone(&self.setup.start);
        self.setup.clocks.begin(&start);
        for (&id, &at) in &start.partitions {
            if self.mine(id) {
                self.assign(id, at, start.frontier);
            }
        }
        let first = self
            .partitions
            .values()
            .filter_map(Partition::holds)
            .min()
            .unwrap_or(start.frontier);
        if let Some((orders, facts)) = &mut self.capabilities {
            orders.downgrade(&first);
            facts.downgrade(&first);
        }
    }

    fn assign(&mut self, id: i32, at: StartPartition, clock: u64) {
        self.partitions.insert(id, Partition::new(id, at, clock));
        if let Err(error) = self.log.assign(id, at.resume) {
            self.broken = true;
            (self.failed)(error);
        }
    }

    /// One turn: hears what there is to hear, reads some batches, sends what they gave and moves the frontier.
    pub(super) fn run(
        &mut self,
        mut send_orders: impl FnMut(&Capability<u64>, &mut Vec<Order>),
        mut send_fact: impl FnMut(&Capability<u64>, (u64, Fact)),
    ) {
        if self.capabilities.is_none() || self.broken {
            return;
        }
        let mut harvest = Harvest::default();
        self.listen(&mut harvest);
        for partition in self.partitions.values_mut() {
            partition.maybe_more = true;
        }
        for _ in 0..BATCHES_A_TURN {
            let Some(id) = self.next() else { break };
            self.read(id, &mut harvest);
            self.flush(&mut harvest, &mut send_orders, &mut send_fact);
            if self.broken {
                return;
            }
        }
        self.settle(&mut harvest);
        self.flush(&mut harvest, &mut send_orders, &mut send_fact);
        self.hold_frontier();
        self.look_again();
    }

    /// The partition to read next: of those that may have something, the one whose clock is behind.
    ///
    /// While any partition, of any worker, reads again what the last cut held, the others wait for it: nothing of
    /// theirs could be committed, so it would only take memory.
    fn next(&mut self) -> Option<i32> {
        if self.setup.hold.load(Ordering::Acquire) {
            return None;
        }
        let slowest = self.setup.clocks.slowest().unwrap_or(0);
        let replaying = self.setup.clocks.replaying();
        let rules = self.setup.rules;
        let read_ahead = self.setup.read_ahead;
        self.partitions
            .values_mut()
            .filter(|partition| partition.maybe_more && !partition.finished)
            .filter(|partition| !(replaying && partition.caught_up()))
            .filter_map(|partition| {
                let paused = partition.clock > slowest
                    && (partition.clock > slowest + rules.max_skew()
                        || partition.in_flight(slowest) > read_ahead);
                (!paused).then_some((partition.clock, partition.position, partition.id))
            })
            .min()
            .map(|(_, _, id)| id)
    }

    fn read(&mut self, id: i32, harvest: &mut Harvest) {
        let Some(partition) = self.partitions.get_mut(&id) else {
            return;
        };
        let (rules, start) = (self.setup.rules, Arc::clone(&self.setup.start));
        let (decode, end) = (&mut self.decode, partition.end.unwrap_or(i64::MAX));
        let (before, replayed) = (partition.clock, !partition.caught_up());
        let read = self.log.read(id, BATCH, |entry| {
            if entry.offset < end {
                let decoded = decode(&entry);
                partition.take(
                    &rules,
                    start.final_until,
                    &start.rejected,
                    entry,
                    decoded,
                    harvest,
                );
            }
        });
        match read {
            Ok(more) => partition.maybe_more = more,
            Err(error) => {
                self.broken = true;
                (self.failed)(error);
                return;
            }
        }
        partition.passed(self.log.position(id), harvest);
        if replayed && partition.caught_up() {
            self.setup.clocks.caught_up(id);
        }
        partition.forget(
            &rules,
            partition.clock.saturating_sub(rules.lateness + rules.max_skew()),
        );
        if std::mem::take(&mut harvest.valid) || partition.clock != before {
            self.setup.clocks.read(id, partition.clock);
        }
    }

    /// Takes in what the world has to say.
    fn listen(&mut self, harvest: &mut Harvest) {
        loop {
            match self.setup.control.try_recv() {
                Ok(Control::Ends { asked_ms, ends }) => self.ends(asked_ms, &ends, harvest),
                Ok(Control::Finish(ends)) => {
                    for (id, partition) in &mut self.partitions {
                        partition.bound(ends.get(id).copied().unwrap_or(0));
                    }
                    self.bounded = true;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    /// A partition that was added while we run is read from its beginning, under the clock of the slowest.
    pub(super) fn discovered(&mut self, id: i32, first: i64) {
        let held = self
            .capabilities
            .as_ref()
            .map_or(0, |(capability, _)| *capability.time());
        let clock = held
            .max(self.setup.clocks.slowest().unwrap_or(0))
            .max(self.setup.start.frontier);
        tracing::info!(partition = id, offset = first, "reading a new partition");
        self.setup.clocks.add(id, clock);
        self.assign(id, StartPartition::at(first), clock);
    }

    fn flush(
        &mut self,
        harvest: &mut Harvest,
        send_orders: &mut impl FnMut(&Capability<u64>, &mut Vec<Order>),
        send_fact: &mut impl FnMut(&Capability<u64>, (u64, Fact)),
    ) {
        let Some((orders, facts)) = &self.capabilities else {
            return;
        };
        for (stamp, mut batch) in harvest.orders.drain(..) {
            send_orders(&orders.delayed(&stamp), &mut batch);
        }
        for (stamp, fact) in harvest.facts.drain(..) {
            send_fact(&facts.delayed(&stamp), (stamp, fact));
        }
        let bytes = std::mem::take(&mut harvest.rejected_bytes);
        if bytes > 0 {
            self.setup
                .rejected_bytes
                .fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Moves the frontier to the least clock; at the end of a bounded run lets go of it.
    fn hold_frontier(&mut self) {
        let least = self.partitions.values().filter_map(Partition::holds).min();
        let least = match (least, self.bounded) {
            (Some(least), _) => least,
            (None, true) => {
                self.capabilities = None;
                return;
            }
            // A worker without partitions stays with the slowest of the others, as it may be given one.
            (None, false) => self.setup.clocks.slowest().unwrap_or(0),
        };
        if let Some((orders, facts)) = &mut self.capabilities
            && least > *orders.time()
        {
            orders.downgrade(&least);
            facts.downgrade(&least);
        }
    }

    /// Asks for another turn if there is something to read now. What is paused waits for the slowest clock, whose move
    /// wakes every worker; what is held or not at hand is announced as well.
    fn look_again(&mut self) {
        let slowest = self.setup.clocks.slowest().unwrap_or(0);
        let in_flight: u64 = self
            .partitions
            .values_mut()
            .map(|partition| partition.in_flight(slowest))
            .sum();
        // The counter is the sum over all workers: each adds how its own part has changed.
        let change = in_flight.wrapping_sub(std::mem::replace(&mut self.shown_in_flight, in_flight));
        self.setup.in_flight.fetch_add(change, Ordering::Relaxed);
        if self.next().is_some() {
            self.activator.activate();
        }
    }
}
