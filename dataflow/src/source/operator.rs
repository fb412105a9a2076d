//! The operator that reads the partitions of one worker.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, OnceLock};

use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Scope, StreamVec};
use timely::scheduling::Activator;

use super::partition::{Harvest, Partition};
use super::{Decoded, Entry, Fact, Log, Start, StartPartition};
use crate::clocks::{Clocks, Wake};
use crate::order::Order;
use crate::window::Rules;

/// Records asked of the log at once.
const BATCH: usize = 1_024;
/// Batches read before the other operators get their turn.
const BATCHES_A_TURN: usize = 8;

/// What the world tells a source while it runs.
#[derive(Clone, Debug)]
pub enum Control {
    /// The ends of all partitions, as asked at `asked_ms` (wall clock, before the question was sent): the first
    /// offset and the offset after the last record. A partition that did not answer is missing.
    Ends {
        /// When the question was sent, in milliseconds since 1970.
        asked_ms: i64,
        /// First offset and end of each partition.
        ends: BTreeMap<i32, (i64, i64)>,
    },
    /// Read to these ends, then stop: the run is bounded from now on.
    Finish(BTreeMap<i32, i64>),
}

/// What a source is made of, besides its log.
pub struct Setup {
    /// The rules of time.
    pub rules: Rules,
    /// Where the run begins; the same on all workers.
    pub start: Arc<Start>,
    /// The clocks of all workers of the process.
    pub clocks: Arc<Clocks>,
    /// Messages for this worker; it must be activated after each.
    pub control: Receiver<Control>,
    /// While set nothing is read: what was read waits to be committed.
    pub hold: Arc<AtomicBool>,
    /// Most records of one partition that are read ahead of the frontier.
    pub read_ahead: u64,
    /// Counts the records that were read and are in no cut yet, for show.
    pub in_flight: Arc<AtomicU64>,
    /// Bytes of rejected records that are held; the committer takes off what it has written.
    pub rejected_bytes: Arc<AtomicU64>,
    /// Filled with what wakes this source from another thread: for the log, and for who sends a [`Control`].
    pub waker: Arc<OnceLock<Wake>>,
}

/// Reads the partitions `p` with `p % peers == index` of a log, stamps each record with its partition's clock, and
/// holds the frontier at the least clock.
///
/// The first output are the valid orders that are not too late, the second everything else that a committer must
/// know, each under its stamp. `decode` says what a record is; `failed` hears of an error, after which the source
/// reads nothing and holds its place for ever.
///
/// The log wakes the operator by its address (`timely`'s `SyncActivator`); nothing in here blocks. Of the partitions
/// that have something to read the one whose clock is behind is read first, and one that is too far ahead waits, so
/// memory stays bounded however unevenly the log is filled.
///
/// # Examples
/// Two orders in one partition; the second moves the clock, so it is stamped with its own time less the lag.
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use std::sync::mpsc::channel;
///
/// use timely::dataflow::operators::{Capture, capture::Extract, vec::Map};
/// use weir_dataflow::clocks::Clocks;
/// use weir_dataflow::fingerprint::Fingerprint;
/// use weir_dataflow::source::{Control, Decoded, Entry, Fact, Log, Setup, Start, StartPartition, source};
/// use weir_dataflow::window::Rules;
///
/// /// A partition whose values are event times in seconds.
/// struct Times(&'static [&'static str], usize);
///
/// impl Log for Times {
///     type Error = Infallible;
///
///     fn assign(&mut self, _partition: i32, offset: i64) -> Result<(), Infallible> {
///         self.1 = offset as usize;
///         Ok(())
///     }
///
///     fn read(&mut self, _: i32, max: usize, mut each: impl FnMut(Entry<'_>)) -> Result<bool, Infallible> {
///         for value in self.0.iter().skip(self.1).take(max) {
///             let value = Some(value.as_bytes());
///             each(Entry { offset: self.1 as i64, timestamp: None, key: None, value });
///             self.1 += 1;
///         }
///         Ok(self.1 < self.0.len())
///     }
///
///     fn position(&self, _partition: i32) -> i64 {
///         self.1 as i64
///     }
/// }
///
/// fn decode(entry: &Entry<'_>) -> Decoded {
///     let text = entry.value.and_then(|value| std::str::from_utf8(value).ok());
///     match text.and_then(|text| text.parse::<i64>().ok()) {
///         Some(second) => Decoded::Order {
///             order: Fingerprint::of(&entry.offset.to_le_bytes()),
///             user: Fingerprint::of(b"u-17"),
///             event_ms: second * 1_000,
///             cents: 1_250,
///             items: 1,
///         },
///         None => Decoded::Invalid("the value is no time".to_owned()),
///     }
/// }
///
/// let rules = Rules { window: 60, lag: 10, lateness: 60, max_ahead_ms: 0 };
/// let (windows, rejected) = timely::execute_directly(move |worker| {
///     let (control, heard) = channel();
///     control.send(Control::Finish(BTreeMap::from([(0, 3)]))).expect("the source is there");
///     let at = StartPartition { processed: 0, resume: 0 };
///     let setup = Setup {
///         rules,
///         start: Arc::new(Start { partitions: BTreeMap::from([(0, at)]), ..Start::default() }),
///         clocks: Arc::new(Clocks::new(rules)),
///         control: heard,
///         hold: Arc::default(),
///         read_ahead: 10_000,
///         in_flight: Arc::default(),
///         rejected_bytes: Arc::default(),
///         waker: Arc::default(),
///     };
///     worker.dataflow(|scope| {
///         let log = Times(&["700", "soon", "725"], 0);
///         let (orders, facts) = source(scope, log, setup, decode, |never| match never {});
///         let rejected = facts.map(|(_, fact)| matches!(fact, Fact::Reject(_)));
///         (orders.map(|order| order.window).capture(), rejected.capture())
///     })
/// });
/// assert_eq!(windows.extract(), [(690, vec![660]), (715, vec![720])], "stamps and windows");
/// let rejected = rejected.extract().into_iter().filter(|(_, rejected)| rejected.contains(&true));
/// assert_eq!(rejected.map(|(stamp, _)| stamp).collect::<Vec<_>>(), [690], "the reject travels at its stamp");
/// ```
pub fn source<'scope, L, D, F>(
    scope: Scope<'scope, u64>,
    log: L,
    setup: Setup,
    decode: D,
    failed: F,
) -> (StreamVec<'scope, u64, Order>, StreamVec<'scope, u64, (u64, Fact)>)
where
    L: Log + 'static,
    D: FnMut(&Entry<'_>) -> Decoded + 'static,
    F: FnMut(L::Error) + 'static,
{
    let mut builder = OperatorBuilder::new("Source".to_owned(), scope);
    let (orders, orders_stream) = builder.new_output();
    let (facts, facts_stream) = builder.new_output();
    let mut orders = OutputBuilder::<_, CapacityContainerBuilder<Vec<Order>>>::from(orders);
    let mut facts = OutputBuilder::<_, CapacityContainerBuilder<Vec<(u64, Fact)>>>::from(facts);

    let address = builder.operator_info().address;
    let worker = scope.worker();
    let activator = worker.activator_for(Rc::clone(&address));
    let wake_from_outside = || -> Wake {
        let activator = worker.sync_activator_for(address.to_vec());
        Box::new(move || {
            // A worker that has ended needs no waking.
            let _ = activator.activate();
        })
    };
    let _ = setup.waker.set(wake_from_outside());
    setup.clocks.on_move(wake_from_outside());
    let (index, peers) = (worker.index(), worker.peers());

    builder.build(move |mut capabilities| {
        let fact_capability = capabilities.pop();
        let order_capability = capabilities.pop();
        let mut reader = Reader {
            capabilities: order_capability.zip(fact_capability),
            partitions: BTreeMap::new(),
            bounded: false,
            broken: false,
            log,
            setup,
            decode,
            failed,
            activator,
            shown_in_flight: 0,
            index,
            peers,
        };
        reader.begin();
        move |_frontiers| {
            let mut orders = orders.activate();
            let mut facts = facts.activate();
            reader.run(
                |capability, batch| orders.session(capability).give_container(batch),
                |capability, fact| facts.session(capability).give(fact),
            );
        }
    });
    (orders_stream, facts_stream)
}

struct Reader<L, D, F> {
    capabilities: Option<(Capability<u64>, Capability<u64>)>,
    partitions: BTreeMap<i32, Partition>,
    /// The run ends where its partitions end.
    bounded: bool,
    broken: bool,
    log: L,
    setup: Setup,
    decode: D,
    failed: F,
    activator: Activator,
    shown_in_flight: u64,
    index: usize,
    peers: usize,
}

impl<L, D, F> Reader<L, D, F>
where
    L: Log,
    D: FnMut(&Entry<'_>) -> Decoded,
    F: FnMut(L::Error),
{
    fn mine(&self, partition: i32) -> bool {
        usize::try_from(partition).is_ok_and(|partition| partition % self.peers == self.index)
    }

    fn begin(&mut self) {
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

    fn run(
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

    fn ends(&mut self, asked_ms: i64, ends: &BTreeMap<i32, (i64, i64)>, harvest: &mut Harvest) {
        if self.bounded {
            return;
        }
        for (&id, &(first, end)) in ends {
            if !self.partitions.contains_key(&id) {
                if self.mine(id) {
                    self.discovered(id, first);
                }
                continue;
            }
            let Some(partition) = self.partitions.get_mut(&id) else {
                continue;
            };
            if !partition.caught_up() || partition.outdates(end) {
                continue;
            }
            if first == end && partition.position >= end {
                partition.empty_at = Some(asked_ms);
            } else if partition.position >= end {
                let clock = self.setup.clocks.prove(id, asked_ms);
                partition.move_clock(clock, partition.position, harvest);
            } else {
                self.setup.clocks.unread(id);
                partition.unanswered = Some((asked_ms, end));
            }
        }
    }

    /// A partition that was added while we run is read from its beginning, under the clock of the slowest.
    fn discovered(&mut self, id: i32, first: i64) {
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

    /// Evaluates what follows from what has been read: late answers, empty partitions, ends.
    fn settle(&mut self, harvest: &mut Harvest) {
        let clocks = Arc::clone(&self.setup.clocks);
        for partition in self
            .partitions
            .values_mut()
            .filter(|partition| !partition.finished)
        {
            if !partition.caught_up() {
                continue;
            }
            if let Some((asked_ms, end)) = partition.unanswered
                && partition.position >= end
            {
                partition.unanswered = None;
                let clock = clocks.prove(partition.id, asked_ms);
                partition.move_clock(clock, partition.position, harvest);
            }
            if let Some(asked_ms) = partition.empty_at {
                let clock = clocks.follow(partition.id, asked_ms);
                partition.move_clock(clock, partition.position, harvest);
                clocks.prove(partition.id, asked_ms);
            }
            if partition.end.is_some_and(|end| partition.position >= end) {
                partition.finish(harvest);
                clocks.finish(partition.id);
            }
        }
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
