//! Orders to the totals of their windows, on the worker that owns their users.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::frontier::MutableAntichain;

use crate::changelog::{Difference, Update};
use crate::order::Order;
use crate::set::Fingerprints;
use crate::window::Rules;

/// How many orders read under one stamp counted, and how many were copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Orders that were the first of their id in their window.
    pub accepted: u64,
    /// Orders whose id their window already held.
    pub duplicate: u64,
}

/// One worker's part of a window.
#[derive(Debug, Default)]
struct Window {
    orders: Fingerprints,
    users: Fingerprints,
    cents: i128,
    items: i64,
    /// What has been sent downstream of it.
    sent: Difference,
}

impl Window {
    /// An empty window that expects as many orders and users as another one holds.
    fn like(other: Option<&Window>) -> Self {
        let Some(other) = other else {
            return Self::default();
        };
        Self {
            orders: Fingerprints::expecting(other.orders.len()),
            users: Fingerprints::expecting(other.users.len()),
            ..Self::default()
        }
    }

    /// Counts orders; gives how many were no copies.
    fn insert_all(&mut self, orders: &[Order]) -> u64 {
        orders.iter().map(|order| u64::from(self.insert(order))).sum()
    }

    /// Counts an order; false for a copy.
    #[inline]
    fn insert(&mut self, order: &Order) -> bool {
        if !self.orders.insert(order.order) {
            return false;
        }
        self.users.insert(order.user);
        self.cents += i128::from(order.cents);
        self.items = self.items.saturating_add(order.items);
        true
    }

    /// What has changed since the last call.
    fn unsent(&mut self) -> Option<Difference> {
        let now = (
            self.orders.len() as i64,
            self.cents,
            self.items,
            self.users.len() as i64,
        );
        let (orders, cents, items, users) = self.sent;
        self.sent = now;
        let change = (now.0 - orders, now.1 - cents, now.2 - items, now.3 - users);
        (change != (0, 0, 0, 0)).then_some(change)
    }
}

/// A window with the capability of its next output: of its first result, later of its retraction.
struct Held {
    window: Window,
    capability: Capability<u64>,
    closed: bool,
}

/// Orders of one stamp, with the capabilities to speak of them once the frontier has passed it.
struct Pending {
    changes: Capability<u64>,
    counts: Capability<u64>,
    /// Those that wait for the frontier to reach their stamp.
    batches: Vec<Vec<Order>>,
    /// What those have come to that are counted already.
    counted: Counted,
    /// The windows among theirs that had ended by then.
    revised: Vec<u64>,
}

/// Closes each window when the frontier reaches its end, and revises it while late orders may still come.
///
/// Orders are exchanged by user, so users are counted once and all copies of an order meet. An order stamped beyond
/// the frontier waits; one stamped at it is counted at once, and told when the frontier has passed it: a cut at the
/// frontier then knows exactly what was read before it, and what one stamp holds takes no more memory than its
/// windows do, however much it is.
///
/// The first output is the stream of differences: for a window `[start, end)` its totals at time `end - 1` once
/// the frontier is at `end`, the change that late orders of one stamp make at their stamp, and the retraction of
/// all of it at `end + lateness`, where the window is final and its state is dropped. When the input ends, open
/// windows are closed early, and all are retracted. The second output says how many orders of each stamp counted and how many were copies.
///
/// Memory: two sets of fingerprints for each window that is not final yet, about 20 bytes an entry.
///
/// # Examples
/// ```
/// use timely::dataflow::operators::{Capture, vec::ToStream, capture::Extract};
/// use weir_dataflow::accumulate::accumulate;
/// use weir_dataflow::fingerprint::Fingerprint;
/// use weir_dataflow::order::Order;
/// use weir_dataflow::window::Rules;
///
/// let rules = Rules { window: 60, lag: 10, lateness: 60, max_ahead_ms: 0 };
/// let order = |id: &str| Order {
///     order: Fingerprint::of(id.as_bytes()),
///     user: Fingerprint::of(b"u-17"),
///     window: 60,
///     cents: 1250,
///     items: 1,
/// };
/// let changes = timely::example(move |scope| {
///     let orders = vec![order("a"), order("b"), order("a")].to_stream(scope);
///     accumulate(orders, rules).0.capture()
/// });
/// let changes: Vec<_> = changes.extract().into_iter().flat_map(|(_, changes)| changes).collect();
/// let (closed, retracted) = ((60, 119, (2, 2500, 2, 1)), (60, 180, (-2, -2500, -2, -1)));
/// assert_eq!(changes, [closed, retracted], "the copy of order a changes nothing");
/// ```
pub fn accumulate<'scope>(
    orders: StreamVec<'scope, u64, Order>,
    rules: Rules,
) -> (
    StreamVec<'scope, u64, Update>,
    StreamVec<'scope, u64, (u64, Counted)>,
) {
    let mut builder = OperatorBuilder::new("Accumulate".to_owned(), orders.scope());
    let mut input = builder.new_input(orders, Exchange::new(|order: &Order| order.user.route()));
    let (changes, changes_stream) = builder.new_output();
    let (counts, counts_stream) = builder.new_output();
    let mut changes = OutputBuilder::<_, CapacityContainerBuilder<Vec<Update>>>::from(changes);
    let mut counts = OutputBuilder::<_, CapacityContainerBuilder<Vec<(u64, Counted)>>>::from(counts);

    builder.build(move |_capabilities| {
        let mut state = Accumulator {
            rules,
            pending: BTreeMap::new(),
            windows: BTreeMap::new(),
        };
        move |frontiers| {
            let mut changes = changes.activate();
            let mut counts = counts.activate();
            input.for_each(|capability, batch| {
                // A message without a stamp makes no claim about time; ours are always sent under one.
                let Some(&stamp) = capability.least() else { return };
                let pending = state.pending.entry(stamp).or_insert_with(|| Pending {
                    changes: capability.delayed(&stamp, 0),
                    counts: capability.delayed(&stamp, 1),
                    batches: Vec::new(),
                    counted: Counted::default(),
                    revised: Vec::new(),
                });
                pending.batches.push(std::mem::take(batch));
            });
            state.advance(
                &frontiers[0],
                |capability, update| changes.session(capability).give(update),
                |capability, count| counts.session(capability).give(count),
            );
        }
    });
    (changes_stream, counts_stream)
}

struct Accumulator {
    rules: Rules,
    pending: BTreeMap<u64, Pending>,
    windows: BTreeMap<u64, Held>,
}

impl Accumulator {
    /// Does what the frontier allows: counts and tells the orders before it, stamp by stamp, closes and retires
    /// windows, and counts the orders at it.
    fn advance(
        &mut self,
        frontier: &MutableAntichain<u64>,
        mut change: impl FnMut(&Capability<u64>, Update),
        mut count: impl FnMut(&Capability<u64>, (u64, Counted)),
    ) {
        while let Some(entry) = self.pending.first_entry() {
            let stamp = *entry.key();
            if frontier.less_equal(&stamp) {
                break;
            }
            let mut pending = entry.remove();
            self.close_before(stamp, &mut change);
            self.insert(stamp, &mut pending);
            self.tell(stamp, &mut pending, &mut change);
            count(&pending.counts, (stamp, pending.counted));
        }
        // At the end of the input all windows close, and all are retracted: one worker may have seen a frontier on
        // the way that retired a window, another not, and a part of a window must never be left in the collection.
        let frontier = frontier.frontier().first().copied().unwrap_or(u64::MAX);
        self.close_before(frontier, &mut change);
        self.retire_before(frontier, &mut change);
        if let Some(mut pending) = self.pending.remove(&frontier) {
            self.insert(frontier, &mut pending);
            self.pending.insert(frontier, pending);
        }
    }

    /// Counts the orders of one stamp. To be called when everything before the stamp has been told and the windows
    /// that end by it are closed, so that what changes in those is theirs alone.
    fn insert(&mut self, stamp: u64, pending: &mut Pending) {
        for batch in pending.batches.drain(..) {
            let mut rest = batch.as_slice();
            while let Some(first) = rest.first() {
                // Neighbours mostly share their window: it is looked up once for a run of them.
                let start = first.window;
                let run = rest.iter().take_while(|order| order.window == start).count();
                let (now, later) = rest.split_at(run);
                rest = later;
                let held = match self.windows.entry(start) {
                    Entry::Occupied(held) => held.into_mut(),
                    Entry::Vacant(_) => self.open(start, stamp, &pending.changes),
                };
                let accepted = held.window.insert_all(now);
                pending.counted.accepted += accepted;
                pending.counted.duplicate += run as u64 - accepted;
                if held.closed && !pending.revised.contains(&start) {
                    pending.revised.push(start);
                }
            }
        }
    }

    /// Tells what the orders of one stamp have changed: in windows that had ended by then at once, in the others when
    /// they close.
    fn tell(&mut self, stamp: u64, pending: &mut Pending, change: &mut impl FnMut(&Capability<u64>, Update)) {
        pending.revised.sort_unstable();
        for start in pending.revised.drain(..) {
            let held = self
                .windows
                .get_mut(&start)
                .expect("a revised window was just looked up");
            if let Some(difference) = held.window.unsent() {
                change(&pending.changes, (start, stamp, difference));
            }
            let retirement = self.rules.end(start) + self.rules.lateness;
            if retirement > *held.capability.time() {
                held.capability.downgrade(&retirement);
            }
        }
    }

    /// A new window, as large as the one before it turned out.
    fn open(&mut self, start: u64, stamp: u64, changes: &Capability<u64>) -> &mut Held {
        let before = self
            .windows
            .range(..start)
            .next_back()
            .map(|(_, held)| &held.window);
        let last = self.rules.end(start) - 1;
        let held = Held {
            window: Window::like(before),
            capability: changes.delayed(&last.max(stamp)),
            closed: last < stamp,
        };
        self.windows.entry(start).or_insert(held)
    }

    /// Sends the first totals of the windows that end at or before `frontier`.
    fn close_before(&mut self, frontier: u64, change: &mut impl FnMut(&Capability<u64>, Update)) {
        let rules = self.rules;
        let ended = |start: u64| rules.end(start) <= frontier;
        for (&start, held) in self.windows.iter_mut().take_while(|(start, _)| ended(**start)) {
            if held.closed {
                continue;
            }
            held.closed = true;
            let last = rules.end(start) - 1;
            if let Some(difference) = held.window.unsent() {
                change(&held.capability, (start, last, difference));
            }
            held.capability.downgrade(&(rules.end(start) + rules.lateness));
        }
    }

    /// Retracts and drops the windows that no order can revise any more.
    fn retire_before(&mut self, frontier: u64, change: &mut impl FnMut(&Capability<u64>, Update)) {
        while let Some(entry) = self.windows.first_entry() {
            let retirement = self.rules.end(*entry.key()) + self.rules.lateness;
            if retirement > frontier || !entry.get().closed {
                break;
            }
            let (start, held) = entry.remove_entry();
            let (orders, cents, items, users) = held.window.sent;
            if held.window.sent != (0, 0, 0, 0) {
                let time = *held.capability.time();
                change(&held.capability, (start, time, (-orders, -cents, -items, -users)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use timely::progress::Timestamp;

    use super::*;
    use crate::fingerprint::Fingerprint;

    const RULES: Rules = Rules {
        window: 60,
        lag: 10,
        lateness: 60,
        max_ahead_ms: 0,
    };

    fn order(id: u64) -> Order {
        Order {
            order: Fingerprint::of(&id.to_le_bytes()),
            user: Fingerprint::of(b"u-17"),
            window: 600,
            cents: 1,
            items: 1,
        }
    }

    /// What an accumulation that holds two capabilities does.
    fn with_capabilities(act: impl FnOnce(&Capability<u64>, &Capability<u64>) + Send + Sync + 'static) {
        timely::execute_directly(move |worker| {
            worker.dataflow::<u64, _, _>(|scope| {
                let mut builder = OperatorBuilder::new("Test".to_owned(), scope);
                let _changes = builder.new_output::<Vec<Update>>();
                let _counts = builder.new_output::<Vec<(u64, Counted)>>();
                builder.build(move |capabilities| {
                    if let [changes, counts] = &capabilities[..] {
                        act(changes, counts);
                    }
                    |_frontiers| ()
                });
            });
        });
    }

    #[test]
    fn an_order_at_the_frontier_is_in_its_set_at_once_and_told_once_the_frontier_has_passed() {
        with_capabilities(|changes, counts| {
            let mut state = Accumulator {
                rules: RULES,
                pending: BTreeMap::new(),
                windows: BTreeMap::new(),
            };
            let mut told = Vec::new();
            let mut at = |state: &mut Accumulator, frontier: u64| {
                let frontier = MutableAntichain::from_elem(frontier);
                state.advance(
                    &frontier,
                    |_, _| (),
                    |_, (stamp, counted)| told.push((stamp, counted)),
                );
            };
            at(&mut state, u64::minimum());
            for stamp in [630, 631] {
                let pending = Pending {
                    changes: changes.delayed(&stamp),
                    counts: counts.delayed(&stamp),
                    batches: vec![vec![order(stamp), order(stamp), order(7)]],
                    counted: Counted::default(),
                    revised: Vec::new(),
                };
                state.pending.insert(stamp, pending);
            }
            at(&mut state, 630);
            assert_eq!(state.windows[&600].window.orders.len(), 2);
            assert!(state.pending[&630].batches.is_empty() && !state.pending[&631].batches.is_empty());
            at(&mut state, 631);
            assert_eq!(state.windows[&600].window.orders.len(), 3);
            at(&mut state, 632);
            let of = |accepted, duplicate| Counted { accepted, duplicate };
            assert_eq!(told, [(630, of(2, 1)), (631, of(1, 2))]);
        });
    }
}
