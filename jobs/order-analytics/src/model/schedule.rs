//! One schedule: what happens to the log and to the runs, by a seed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use timely::worker::Worker;
use weir_dataflow::source::Control;

use super::judge::judge;
use super::run::Run;
use super::world::{Record, World};
use super::{AHEAD, LAG, WINDOW};

/// Runs one schedule; gives what was seen, for the sum over all.
pub(super) fn schedule(worker: &mut Worker, seed: u64) -> [usize; 5] {
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
    let mut quiet: Vec<bool> = (0..parts).map(|_| random.random_bool(0.3)).collect();
    let rate = [0.3, 1.0, 3.0][random.random_range(0..3)];
    // Old orders read again: their times are far from the wall clock.
    let behind = if random.random_bool(1.0 / 3.0) { 5_000 } else { 0 };
    let mut producer = Producer {
        behind,
        next_id: 0,
        injected: BTreeSet::new(),
    };
    let losing = random.random_bool(0.3);
    let killing = [0.6, 0.6, 0.1][random.random_range(0..3)];
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
            producer.produce(&mut random, &mut world.borrow_mut(), partition);
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
                        producer.produce(&mut random, &mut world.borrow_mut(), partition);
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
    judge(&world, &producer.injected);
    [
        world.log.iter().map(Vec::len).sum(),
        world.results.len(),
        world.late.len(),
        world.ahead,
        world.lost,
    ]
}

/// Writes orders, copies of them and garbage to the log.
struct Producer {
    /// How far the orders' times are behind the wall clock, in seconds.
    behind: i64,
    next_id: u32,
    /// The records of orders that are late by intent.
    injected: BTreeSet<(i32, i64)>,
}

impl Producer {
    fn produce(&mut self, random: &mut SmallRng, world: &mut World, partition: usize) {
        for _ in 0..[1, 3][random.random_range(0..2)] {
            let ahead = if random.random_bool(0.1) && self.behind == 0 {
                AHEAD
            } else {
                0
            };
            let mut at = world.now - self.behind - random.random_range(-ahead..=LAG / 2);
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
                order: Some((self.next_id, at)),
                kafka_time,
            };
            let mut write = |partition: usize| {
                if late {
                    self.injected
                        .insert((partition as i32, world.log[partition].len() as i64));
                }
                world.log[partition].push(record);
            };
            write(partition);
            if random.random_bool(0.1) {
                // Copies go to the partitions up to the order's own.
                write(random.random_range(0..=partition));
            }
            self.next_id += 1;
        }
    }
}
