//! One run of the job, turned by hand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use timely::worker::Worker;
use weir_dataflow::clocks::Clocks;
use weir_dataflow::source::{Control, Reason, Setup};
use weir_dataflow::{accumulate, changelog, source};

use super::world::{MemoryLog, World, decode};
use crate::collect::{Desk, Streams, collect};
use crate::committer::Commit;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::progress::RejectedFrom;
use crate::recovery::{begin_anew, resume_from};
use crate::status::Shared;

/// One run of the job. Everything in here is lost in a crash.
pub(super) struct Run {
    pub(super) dataflow: usize,
    pub(super) control: Sender<Control>,
    pub(super) wake: Arc<std::sync::OnceLock<weir_dataflow::clocks::Wake>>,
    pub(super) wake_collect: timely::scheduling::SyncActivator,
    pub(super) commits: Receiver<Commit>,
    pub(super) done: Sender<()>,
    pub(super) shared: Arc<Shared>,
}

impl Run {
    pub(super) fn start(worker: &mut Worker, world: &Rc<RefCell<World>>) -> Self {
        let (rules, beginning) = {
            let world = world.borrow();
            let rules = world.rules();
            let beginning = match world.progress.clone() {
                Some(progress) => resume_from(&rules, progress, world.ends()).unwrap(),
                None => begin_anew(&rules, world.published(), world.rejected(), world.ends()),
            };
            (rules, beginning)
        };
        let mut start = beginning.start;
        if beginning.rejected_from.is_some() {
            start.rejected = world.borrow().rejected();
        }
        let start = Arc::new(start);
        let clocks = Arc::new(Clocks::new(rules));
        let shared = Arc::new(Shared::new(Arc::clone(&clocks), Metrics::new().unwrap()));
        let (control, heard) = channel();
        let (commits, to_write) = channel();
        let (done, stands) = channel();
        let wake = Arc::default();
        let setup = Setup {
            rules,
            start: Arc::clone(&start),
            clocks,
            control: heard,
            hold: Arc::clone(&shared.hold),
            read_ahead: 50,
            in_flight: Arc::default(),
            rejected_bytes: Arc::default(),
            waker: Arc::clone(&wake),
        };
        let mut ledger = Ledger::new(
            rules,
            &start,
            beginning.totals,
            beginning.published,
            beginning.rebuilt_until,
        );
        // A few rejects are a flood.
        ledger.set_ahead_bytes(500);
        let desk = Desk {
            ledger,
            commits,
            done: stands,
            currency: "USD".to_owned(),
            shared: Arc::clone(&shared),
            begun_at: start.frontier,
            period: Duration::ZERO,
        };
        let log = MemoryLog {
            world: Rc::clone(world),
            positions: BTreeMap::new(),
        };
        let dataflow = worker.next_dataflow_index();
        let address = worker.dataflow::<u64, _, _>(|scope| {
            let (orders, facts) = source::source(scope, log, setup, decode, |()| unreachable!());
            let (updates, counted) = accumulate::accumulate(orders, rules);
            let rows = changelog::changelog(updates).inner;
            collect(Streams { rows, facts, counted }, Some(desk))
        });
        let wake_collect = worker.sync_activator_for(address);
        Self {
            dataflow,
            control,
            wake,
            wake_collect,
            commits: to_write,
            done,
            shared,
        }
    }

    pub(super) fn turn(&self, worker: &mut Worker) {
        self.wake.get().unwrap()();
        for _ in 0..8 {
            worker.step();
        }
    }

    /// Writes what was handed over; true at the end of a bounded run.
    pub(super) fn commit(&self, worker: &mut Worker, world: &Rc<RefCell<World>>) -> bool {
        while let Ok(commit) = self.commits.try_recv() {
            let Commit::Write {
                draft,
                mut progress,
                rejected_ahead,
            } = commit
            else {
                return true;
            };
            assert!(
                progress.totals.balanced(),
                "the totals do not add up: {:?}",
                progress.totals
            );
            let mut world = world.borrow_mut();
            for result in draft.results {
                let window = result.window_start().millis() / 1_000;
                world
                    .results
                    .push((window, result.revision(), result.order_count()));
            }
            for reject in draft.rejects {
                let source = (reject.partition, reject.offset);
                match reject.reason {
                    Reason::Late(_) => world.late.push(source),
                    Reason::Invalid(_) => world.invalid.push(source),
                }
            }
            progress.rejected_from = rejected_ahead.then(RejectedFrom::default);
            world.ahead += usize::from(rejected_ahead);
            world.progress = Some(*progress);
            let _ = self.done.send(());
            let _ = self.wake_collect.activate();
            drop(world);
            worker.step();
        }
        false
    }

    /// A bounded run to these ends.
    pub(super) fn finish(&self, worker: &mut Worker, world: &Rc<RefCell<World>>, ends: BTreeMap<i32, i64>) {
        world.borrow_mut().allow_all();
        self.control.send(Control::Finish(ends)).unwrap();
        for _ in 0..10_000 {
            self.turn(worker);
            if self.commit(worker, world) {
                return;
            }
        }
        panic!("a bounded run did not end; clocks {:?}", self.shared.clocks.all());
    }

    pub(super) fn crash(self, worker: &mut Worker, world: &Rc<RefCell<World>>) {
        assert_eq!(
            self.shared.metrics.replay_mismatches.get(),
            0,
            "a replay gave another result than was published"
        );
        worker.drop_dataflow(self.dataflow);
        world.borrow_mut().allowed.fill(0);
    }
}
