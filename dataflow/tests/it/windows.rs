//! The accumulation and the changelog on one worker, fed by hand.

use std::cell::RefCell;
use std::rc::Rc;

use timely::container::CapacityContainerBuilder;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::core::input::Handle;
use timely::dataflow::operators::{Input, Inspect, Probe};
use timely::worker::Worker;
use weir_dataflow::accumulate::{Counted, accumulate};
use weir_dataflow::changelog::{Difference, Update, changelog};
use weir_dataflow::fingerprint::Fingerprint;
use weir_dataflow::order::Order;

use crate::RULES;
use crate::running::with_time;

/// A row of the changelog: time, window and totals, in or out.
pub(crate) type Row = (u64, (u64, Difference), isize);

/// An order of 100 minor units and 2 items in the window that starts at `window`.
pub(crate) fn order(id: &str, user: &str, window: u64) -> Order {
    Order {
        order: Fingerprint::of(id.as_bytes()),
        user: Fingerprint::of(user.as_bytes()),
        window,
        cents: 100,
        items: 2,
    }
}

/// The operators and what has come out of them.
pub(crate) struct Windows {
    input: Option<Handle<u64, CapacityContainerBuilder<Vec<Order>>>>,
    pub(crate) changes: Rc<RefCell<Vec<(u64, Update)>>>,
    pub(crate) counted: Rc<RefCell<Vec<(u64, Counted)>>>,
    pub(crate) rows: Rc<RefCell<Vec<Row>>>,
    pub(crate) probe: ProbeHandle<u64>,
}

impl Windows {
    pub(crate) fn new(worker: &mut Worker) -> Self {
        let changes: Rc<RefCell<Vec<_>>> = Rc::default();
        let counted: Rc<RefCell<Vec<_>>> = Rc::default();
        let rows: Rc<RefCell<Vec<_>>> = Rc::default();
        let probe = ProbeHandle::new();
        let (changes_in, counted_in, rows_in) = (Rc::clone(&changes), Rc::clone(&counted), Rc::clone(&rows));
        let probe_in = probe.clone();
        let input = worker.dataflow::<u64, _, _>(move |scope| {
            let (input, orders) = scope.new_input::<Vec<Order>>();
            let (updates, counts) = accumulate(orders, RULES);
            counts.inspect(move |counted| counted_in.borrow_mut().push(*counted));
            let seen = move |time, update: &Update| changes_in.borrow_mut().push((time, *update));
            let updates = with_time(updates, seen).probe_with(&probe_in);
            changelog(updates).inner.inspect(move |(row, time, diff)| {
                rows_in.borrow_mut().push((*time, *row, *diff));
            });
            input
        });
        Self {
            input: Some(input),
            changes,
            counted,
            rows,
            probe,
        }
    }

    /// Moves the stamp on, then sends orders under it.
    pub(crate) fn at(&mut self, worker: &mut Worker, stamp: u64, orders: &[Order]) {
        let input = self.input.as_mut().unwrap();
        if stamp > *input.time() {
            input.advance_to(stamp);
        }
        orders.iter().for_each(|order| input.send(*order));
        input.flush();
        for _ in 0..10 {
            worker.step();
        }
    }

    pub(crate) fn end(&mut self, worker: &mut Worker) {
        self.input = None;
        for _ in 0..10 {
            worker.step();
        }
    }

    pub(crate) fn take_changes(&self) -> Vec<(u64, Update)> {
        std::mem::take(&mut self.changes.borrow_mut())
    }

    pub(crate) fn take_counted(&self) -> Vec<(u64, Counted)> {
        std::mem::take(&mut self.counted.borrow_mut())
    }

    pub(crate) fn take_rows(&self) -> Vec<Row> {
        std::mem::take(&mut self.rows.borrow_mut())
    }
}
