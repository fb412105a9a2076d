//! A source on one worker, turned by hand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};

use timely::dataflow::ProbeHandle;
use timely::dataflow::StreamVec;
use timely::dataflow::operators::{Inspect, Probe};
use timely::worker::Worker;
use weir_dataflow::clocks::{Clocks, Wake};
use weir_dataflow::order::Order;
use weir_dataflow::source::{Control, Fact, Position, Reject, Setup, Start, StartPartition, Tally, source};

use crate::RULES;
use crate::shelf::{Shelf, decode};

/// A start without progress on partitions `0..count`.
pub(crate) fn fresh(count: i32) -> Start {
    let at = StartPartition {
        processed: 0,
        resume: 0,
    };
    Start {
        partitions: (0..count).map(|partition| (partition, at)).collect(),
        ..Start::default()
    }
}

/// Runs a test on a worker of its own; a source that would go on for ever ends with it.
pub(crate) fn alone(test: impl FnOnce(&mut Worker) + Send + Sync + 'static) {
    timely::execute_directly(move |worker| {
        test(worker);
        for dataflow in worker.installed_dataflows() {
            worker.drop_dataflow(dataflow);
        }
    });
}

/// Shows each item with the time of its message.
pub(crate) fn with_time<'scope, D: Clone + 'static>(
    stream: StreamVec<'scope, u64, D>,
    mut show: impl FnMut(u64, &D) + 'static,
) -> StreamVec<'scope, u64, D> {
    stream.inspect_core(move |event| {
        if let Ok((stamp, batch)) = event {
            let time = *stamp.least().unwrap();
            batch.iter().for_each(|item| show(time, item));
        }
    })
}

/// A source and what has come out of it.
pub(crate) struct Running {
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) hold: Arc<AtomicBool>,
    pub(crate) in_flight: Arc<AtomicU64>,
    /// Stamp and order.
    pub(crate) orders: Rc<RefCell<Vec<(u64, Order)>>>,
    /// Stamp and fact.
    pub(crate) facts: Rc<RefCell<Vec<(u64, Fact)>>>,
    pub(crate) failures: Rc<RefCell<Vec<&'static str>>>,
    control: Sender<Control>,
    waker: Arc<OnceLock<Wake>>,
    probe: ProbeHandle<u64>,
}

impl Running {
    /// Starts and turns until nothing more happens.
    pub(crate) fn start(worker: &mut Worker, shelf: &Shelf, start: Start) -> Self {
        Self::with_read_ahead(worker, shelf, start, 1_000_000)
    }

    pub(crate) fn with_read_ahead(worker: &mut Worker, shelf: &Shelf, start: Start, read_ahead: u64) -> Self {
        let (control, heard) = channel();
        let clocks = Arc::new(Clocks::new(RULES));
        let (hold, in_flight, waker) = (Arc::default(), Arc::default(), Arc::default());
        let setup = Setup {
            rules: RULES,
            start: Arc::new(start),
            clocks: Arc::clone(&clocks),
            control: heard,
            hold: Arc::clone(&hold),
            read_ahead,
            in_flight: Arc::clone(&in_flight),
            rejected_bytes: Arc::default(),
            waker: Arc::clone(&waker),
        };
        let orders: Rc<RefCell<Vec<_>>> = Rc::default();
        let facts: Rc<RefCell<Vec<_>>> = Rc::default();
        let failures: Rc<RefCell<Vec<_>>> = Rc::default();
        let (orders_in, facts_in, failures_in) =
            (Rc::clone(&orders), Rc::clone(&facts), Rc::clone(&failures));
        let probe = ProbeHandle::new();
        let (log, probe_in) = (shelf.clone(), probe.clone());
        worker.dataflow::<u64, _, _>(move |scope| {
            let failed = move |error| failures_in.borrow_mut().push(error);
            let (orders, facts) = source(scope, log, setup, decode, failed);
            with_time(orders, move |stamp, order| {
                orders_in.borrow_mut().push((stamp, *order))
            })
            .probe_with(&probe_in);
            with_time(facts, move |time, (stamp, fact)| {
                assert_eq!(time, *stamp, "a fact travels at its stamp");
                facts_in.borrow_mut().push((*stamp, fact.clone()));
            });
        });
        let running = Self {
            clocks,
            hold,
            in_flight,
            orders,
            facts,
            failures,
            control,
            waker,
            probe,
        };
        running.turn(worker);
        running
    }

    /// Wakes the source and steps until it has had every chance to read.
    pub(crate) fn turn(&self, worker: &mut Worker) {
        for _ in 0..50 {
            self.waker.get().unwrap()();
            worker.step();
        }
    }

    pub(crate) fn tell(&self, worker: &mut Worker, control: Control) {
        self.control.send(control).unwrap();
        self.turn(worker);
    }

    /// A question to the broker about all partitions, sent at `asked_s`.
    pub(crate) fn ask(&self, worker: &mut Worker, shelf: &Shelf, asked_s: i64) {
        let asked_ms = asked_s * 1_000;
        let ends = shelf.ends();
        self.tell(worker, Control::Ends { asked_ms, ends });
    }

    pub(crate) fn finish(&self, worker: &mut Worker, ends: &[i64]) {
        let ends = (0..).zip(ends.iter().copied()).collect::<BTreeMap<i32, i64>>();
        self.tell(worker, Control::Finish(ends));
    }

    /// Where the frontier of the orders stands; `None` at the end.
    pub(crate) fn frontier(&self) -> Option<u64> {
        self.probe.with_frontier(|frontier| frontier.first().copied())
    }

    pub(crate) fn stamps(&self) -> Vec<u64> {
        self.orders.borrow().iter().map(|(stamp, _)| *stamp).collect()
    }

    pub(crate) fn clock(&self, partition: i32) -> u64 {
        self.clocks.all()[&partition]
    }

    pub(crate) fn rejects(&self) -> Vec<Reject> {
        let facts = self.facts.borrow();
        let rejects = facts.iter().filter_map(|(_, fact)| match fact {
            Fact::Reject(reject) => Some(reject.clone()),
            _ => None,
        });
        rejects.collect()
    }

    /// All positions told so far, with the stamps that they were told at.
    pub(crate) fn positions(&self) -> Vec<(u64, Position)> {
        let facts = self.facts.borrow();
        let positions = facts.iter().filter_map(|(stamp, fact)| match fact {
            Fact::Position(position) => Some((*stamp, position.clone())),
            _ => None,
        });
        positions.collect()
    }

    /// The sum of all tallies.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for (_, fact) in self.facts.borrow().iter() {
            if let Fact::Tally(tally) = fact {
                sum += *tally;
            }
        }
        sum
    }
}
