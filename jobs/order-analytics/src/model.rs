//! The protocol under random schedules: reading, quiet partitions, skew, crashes, bounded runs. The real source,
//! accumulation, changelog, collector and ledger run over a log in memory, and are judged against plain sums.
//!
//! A schedule is a seed. Every valid order is produced within half the lag after its event time, or ahead of it,
//! unless it is made late on purpose; the allowed lateness may change from one run to the next.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use timely::worker::Worker;
use weir_dataflow::clocks::Clocks;
use weir_dataflow::fingerprint::Fingerprint;
use weir_dataflow::source::{Control, Decoded, Entry, Log, Reason, RejectedBefore, Setup};
use weir_dataflow::window::Rules;
use weir_dataflow::{accumulate, changelog, source};

use crate::collect::{Desk, Streams, collect};
use crate::committer::Commit;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::progress::{Progress, Published, PublishedTotals, RejectedFrom};
use crate::recovery::{begin_anew, resume_from};
use crate::status::Shared;

const WINDOW: i64 = 10;
const LAG: i64 = 4;
const AHEAD: i64 = 12;

/// One record; an order is its id and event time, anything else is garbage.
#[derive(Clone, Copy)]
struct Record {
    order: Option<(u32, i64)>,
    kafka_time: i64,
}

/// What survives a crash.
struct World {
    now: i64,
    lateness: i64,
    /// The largest of all runs.
    most_lateness: i64,
    log: Vec<Vec<Record>>,
    /// Window, revision, orders.
    results: Vec<(i64, u32, u64)>,
    late: Vec<(i32, i64)>,
    invalid: Vec<(i32, i64)>,
    progress: Option<Progress>,
    /// How often the progress was lost.
    lost: usize,
    /// Commits while rejects were ahead of their cut.
    ahead: usize,
    /// Records that the log gives in this turn, by partition.
    allowed: Vec<usize>,
}

impl World {
    fn ends(&self) -> BTreeMap<i32, (i64, i64)> {
        (0..)
            .zip(&self.log)
            .map(|(partition, log)| (partition, (0, log.len() as i64)))
            .collect()
    }

    fn last_offsets(&self) -> BTreeMap<i32, i64> {
        let ends = self.ends().into_iter();
        ends.map(|(partition, (_, end))| (partition, end)).collect()
    }

    fn allow_all(&mut self) {
        let many = self.log.iter().map(Vec::len).sum();
        self.allowed.fill(many);
    }

    /// Whether the progress was lost and what had been published is still being rebuilt.
    fn rebuilds(&self) -> bool {
        match &self.progress {
            Some(progress) => progress.rebuilt_until.is_some(),
            None => self.lost > 0,
        }
    }

    /// What the results topic tells a start without progress.
    fn published(&self) -> BTreeMap<u64, Published> {
        let newest = self.results.iter().map(|&(window, revision, orders)| {
            let totals = PublishedTotals {
                orders,
                cents: i128::from(orders),
                items: orders as i64,
                users: 1,
            };
            (window as u64, Published { revision, totals })
        });
        newest.collect()
    }

    /// What the topics of rejects tell.
    fn rejected(&self) -> HashMap<(i32, i64), RejectedBefore> {
        let late = self.late.iter().map(|source| (*source, RejectedBefore::Late));
        let invalid = self
            .invalid
            .iter()
            .map(|source| (*source, RejectedBefore::Invalid));
        late.chain(invalid).collect()
    }

    fn rules(&self) -> Rules {
        Rules {
            window: WINDOW as u64,
            lag: LAG as u64,
            lateness: self.lateness as u64,
            max_ahead_ms: 0,
        }
    }
}

struct MemoryLog {
    world: Rc<RefCell<World>>,
    positions: BTreeMap<i32, i64>,
}

impl Log for MemoryLog {
    type Error = ();

    fn assign(&mut self, partition: i32, offset: i64) -> Result<(), ()> {
        self.positions.insert(partition, offset);
        Ok(())
    }

    fn read(&mut self, partition: i32, max: usize, mut each: impl FnMut(Entry<'_>)) -> Result<bool, ()> {
        let mut world = self.world.borrow_mut();
        let index = partition as usize;
        let position = self.positions.get_mut(&partition).unwrap();
        let count = max
            .min(world.allowed[index])
            .min(world.log[index].len() - *position as usize);
        world.allowed[index] -= count;
        for _ in 0..count {
            let record = world.log[index][*position as usize];
            let value = record.order.map(|(id, at)| format!("{id} {at}"));
            each(Entry {
                offset: *position,
                timestamp: Some(record.kafka_time * 1_000),
                key: None,
                value: value.as_deref().map(str::as_bytes),
            });
            *position += 1;
        }
        Ok(false)
    }

    fn position(&self, partition: i32) -> i64 {
        self.positions[&partition]
    }
}

fn decode(entry: &Entry<'_>) -> Decoded {
    let Some(value) = entry.value else {
        return Decoded::Invalid("garbage".to_owned());
    };
    let (id, at) = std::str::from_utf8(value).unwrap().split_once(' ').unwrap();
    Decoded::Order {
        order: Fingerprint::of(id.as_bytes()),
        user: Fingerprint::of(b"user"),
        event_ms: at.parse::<i64>().unwrap() * 1_000,
        cents: 1,
        items: 1,
    }
}

/// One run of the job. Everything in here is lost in a crash.
struct Run {
    dataflow: usize,
    control: Sender<Control>,
    wake: Arc<std::sync::OnceLock<weir_dataflow::clocks::Wake>>,
    wake_collect: timely::scheduling::SyncActivator,
    commits: Receiver<Commit>,
    done: Sender<()>,
    shared: Arc<Shared>,
}

impl Run {
    fn start(worker: &mut Worker, world: &Rc<RefCell<World>>) -> Self {
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

    fn turn(&self, worker: &mut Worker) {
        self.wake.get().unwrap()();
        for _ in 0..8 {
            worker.step();
        }
    }

    /// Writes what was handed over; true at the end of a bounded run.
    fn commit(&self, worker: &mut Worker, world: &Rc<RefCell<World>>) -> bool {
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
                let window = result.window_start.millis() / 1_000;
                world.results.push((window, result.revision, result.order_count));
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
    fn finish(&self, worker: &mut Worker, world: &Rc<RefCell<World>>, ends: BTreeMap<i32, i64>) {
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

    fn crash(self, worker: &mut Worker, world: &Rc<RefCell<World>>) {
        assert_eq!(
            self.shared.metrics.replay_mismatches.get(),
            0,
            "a replay gave another result than was published"
        );
        worker.drop_dataflow(self.dataflow);
        world.borrow_mut().allowed.fill(0);
    }
}

/// Runs one schedule; gives what was seen, for the sum over all.
fn schedule(worker: &mut Worker, seed: u64) -> [usize; 5] {
    let mut random = SmallRng::seed_from_u64(seed);
    let parts = random.random_range(1..=4_usize);
    let world = Rc::new(RefCell::new(World {
        now: 9_000,
        lateness: 6,
        most_lateness: 6,
        log: vec![Vec::new(); parts],
        results: Vec::new(),
        late: Vec::new(),
        invalid: Vec::new(),
        progress: None,
        lost: 0,
        ahead: 0,
        allowed: vec![0; parts],
    }));
    let mut run: Option<Run> = None;
    let mut injected = BTreeSet::new();
    let mut quiet: Vec<bool> = (0..parts).map(|_| random.random_bool(0.3)).collect();
    let rate = [0.3, 1.0, 3.0][random.random_range(0..3)];
    // Old orders read again: their times are far from the wall clock.
    let behind = if random.random_bool(1.0 / 3.0) { 5_000 } else { 0 };
    let losing = random.random_bool(0.3);
    let killing = [0.6, 0.6, 0.1][random.random_range(0..3)];
    let mut next_id = 0;
    for _ in 0..[100, 300, 600][random.random_range(0..3)] {
        let what: f64 = random.random();
        if what < 0.15 {
            let far = if random.random_bool(0.05) { 60 } else { 1 };
            world.borrow_mut().now += [1, 1, 1, 2, 5, far][random.random_range(0..6)];
        } else if what < 0.15 + 0.2 * f64::min(rate, 2.0) {
            let partition = random.random_range(0..parts);
            if quiet[partition] && random.random_bool(0.97) {
                continue;
            }
            produce(
                &mut random,
                &mut world.borrow_mut(),
                partition,
                behind,
                &mut next_id,
                &mut injected,
            );
            if random.random_bool(0.02) {
                quiet[partition] = !quiet[partition];
            }
        } else if run.is_none() {
            // With a smaller one in a rebuild orders that were counted then would be late now.
            if random.random_bool(0.1) && !world.borrow().rebuilds() {
                let mut world = world.borrow_mut();
                world.lateness = [6, 6, 15, 40][random.random_range(0..4)];
                world.most_lateness = world.most_lateness.max(world.lateness);
            }
            if losing && random.random_bool(0.1) && world.borrow().progress.is_some() {
                let mut world = world.borrow_mut();
                world.progress = None;
                world.lost += 1;
                world.lateness = world.most_lateness;
            }
            if random.random_bool(0.5) {
                run = Some(Run::start(worker, &world));
            }
        } else if let Some(running) = &run {
            if what < 0.9 {
                let partition = random.random_range(0..parts);
                world.borrow_mut().allowed[partition] = [1, 1, 5, 20][random.random_range(0..4)];
                running.turn(worker);
                if random.random_bool(0.5) {
                    let (asked_ms, ends) = {
                        let world = world.borrow();
                        (world.now * 1_000, world.ends())
                    };
                    let mut ends = ends;
                    ends.retain(|other, _| *other as usize == partition);
                    running.control.send(Control::Ends { asked_ms, ends }).unwrap();
                    running.turn(worker);
                }
            } else if what < 0.96 {
                running.commit(worker, &world);
            } else if what < 0.98 {
                running.turn(worker);
            } else {
                let ended = run.take().unwrap();
                if !random.random_bool(killing) {
                    let ends = world.borrow().last_offsets();
                    if random.random_bool(0.5) {
                        // The log goes on, and is read on, while the ends are on their way.
                        let partition = random.random_range(0..parts);
                        produce(
                            &mut random,
                            &mut world.borrow_mut(),
                            partition,
                            behind,
                            &mut next_id,
                            &mut injected,
                        );
                        world.borrow_mut().allow_all();
                        ended.turn(worker);
                    }
                    ended.finish(worker, &world, ends);
                }
                ended.crash(worker, &world);
            }
        }
    }
    if let Some(running) = run {
        running.crash(worker, &world);
    }
    let last = Run::start(worker, &world);
    let ends = world.borrow().last_offsets();
    last.finish(worker, &world, ends);
    last.crash(worker, &world);
    let world = world.borrow();
    judge(&world, &injected);
    [
        world.log.iter().map(Vec::len).sum(),
        world.results.len(),
        world.late.len(),
        world.ahead,
        world.lost,
    ]
}

fn produce(
    random: &mut SmallRng,
    world: &mut World,
    partition: usize,
    behind: i64,
    next_id: &mut u32,
    injected: &mut BTreeSet<(i32, i64)>,
) {
    for _ in 0..[1, 3][random.random_range(0..2)] {
        let ahead = if random.random_bool(0.1) && behind == 0 {
            AHEAD
        } else {
            0
        };
        let mut at = world.now - behind - random.random_range(-ahead..=LAG / 2);
        let kind: f64 = random.random();
        let kafka_time = world.now;
        if kind < 0.03 {
            world.log[partition].push(Record {
                order: None,
                kafka_time,
            });
            continue;
        }
        let late = kind < 0.09;
        if late {
            at -= [LAG, WINDOW, 2 * WINDOW, 3 * WINDOW, 100][random.random_range(0..5)];
        }
        let record = Record {
            order: Some((*next_id, at)),
            kafka_time,
        };
        let mut write = |partition: usize| {
            if late {
                injected.insert((partition as i32, world.log[partition].len() as i64));
            }
            world.log[partition].push(record);
        };
        write(partition);
        if random.random_bool(0.1) {
            // Copies go to the partitions up to the order's own.
            write(random.random_range(0..=partition));
        }
        *next_id += 1;
    }
}

fn judge(world: &World, injected: &BTreeSet<(i32, i64)>) {
    let late: BTreeSet<_> = world.late.iter().copied().collect();
    let invalid: BTreeSet<_> = world.invalid.iter().copied().collect();
    assert_eq!(
        (late.len(), invalid.len()),
        (world.late.len(), world.invalid.len()),
        "rejected twice"
    );
    let records: usize = world.log.iter().map(Vec::len).sum();
    let consumed = world
        .progress
        .as_ref()
        .map_or(0, |progress| progress.totals.consumed);
    assert_eq!(consumed, records as u64, "records counted by the totals");
    let mut want: BTreeMap<i64, BTreeSet<u32>> = BTreeMap::new();
    for (partition, log) in (0..).zip(&world.log) {
        for (offset, record) in (0..).zip(log) {
            let source = (partition, offset);
            match record.order {
                None => assert!(
                    invalid.contains(&source),
                    "garbage {source:?} is not in the dead-letter topic"
                ),
                Some((id, at)) if !late.contains(&source) => {
                    want.entry(at / WINDOW * WINDOW).or_default().insert(id);
                }
                Some(_) => assert!(
                    injected.contains(&source),
                    "order {source:?} was in time but called late"
                ),
            }
        }
    }
    let mut got: BTreeMap<i64, (u32, u64)> = BTreeMap::new();
    for &(window, revision, orders) in &world.results {
        match got.insert(window, (revision, orders)) {
            None => assert_eq!(revision, 0, "the first result of window {window}"),
            Some((before, fewer)) => {
                assert_eq!(revision, before + 1, "revision of window {window}");
                assert!(orders >= fewer, "window {window} shrank from {fewer} to {orders}");
            }
        }
    }
    let want: BTreeMap<i64, u64> = want
        .into_iter()
        .map(|(window, ids)| (window, ids.len() as u64))
        .collect();
    let got: BTreeMap<i64, u64> = got
        .into_iter()
        .map(|(window, (_, orders))| (window, orders))
        .collect();
    assert_eq!(got, want, "windows differ from the log");
}

/// `WEIR_MODEL_SCHEDULES=100000 WEIR_MODEL_FIRST=0` runs more, or another part of them.
#[test]
fn windows_equal_the_log_under_any_schedule() {
    let number = |name: &str, default| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (schedules, first) = (number("WEIR_MODEL_SCHEDULES", 400), number("WEIR_MODEL_FIRST", 0));
    timely::execute_directly(move |worker| {
        let mut seen = [0; 5];
        for seed in first..first + schedules {
            let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| schedule(worker, seed)));
            let judged = match judged {
                Ok(judged) => judged,
                Err(fault) => {
                    eprintln!(
                        "schedule {seed} failed; run it alone with WEIR_MODEL_FIRST={seed} WEIR_MODEL_SCHEDULES=1"
                    );
                    std::panic::resume_unwind(fault);
                }
            };
            seen.iter_mut().zip(judged).for_each(|(sum, one)| *sum += one);
        }
        assert!(
            seen.iter().all(|sum| *sum > 0),
            "the schedules have done something: {seen:?}"
        );
        eprintln!(
            "{schedules} schedules: {} records, {} results, {} late, {} commits with rejects ahead of their cut, \
             progress lost {} times",
            seen[0], seen[1], seen[2], seen[3], seen[4]
        );
    });
}
