//! Kills the job and its broker again and again while orders flow, and judges every round.
//!
//! A round is a topic, a job and a feeder that writes a rough stream without pause. The job is started with a random
//! number of workers and ended in a random way; then it is started again, until the round has had its kills. A bounded
//! run closes the windows, and the judge has the last word. Rounds may run side by side.

mod act;
mod feeder;
mod round;
mod tally;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

pub use tally::Tally;

/// A run of kills.
#[derive(Debug, Clone)]
pub struct Plan {
    /// This crate's binary.
    pub proof: PathBuf,
    /// An Apache Kafka at `host:port`; without, a development broker of its own, which is killed as well.
    pub kafka: Option<String>,
    /// Numbers of workers to choose from.
    pub workers: Vec<u32>,
    /// The same seed makes the same choices; what the job has come to when they strike is up to the machine.
    pub seed: u64,
    /// Kills in all.
    pub kills: u32,
    /// Kills in one round.
    pub kills_a_round: u32,
    /// Rounds that run at the same time, each with topics and a broker of its own.
    pub side_by_side: NonZero<usize>,
    /// How long the job stands still the first time it is frozen; later times are shorter.
    pub freeze: Duration,
}

/// Runs round after round until the plan's kills are done; `judged` is told of each round and of all so far. Whatever goes
/// wrong is in the tally, and the next round begins.
pub fn run(plan: &Plan, mut judged: impl FnMut(&Tally, &Tally)) -> Tally {
    let rounds = Mutex::new(Rounds {
        random: SmallRng::seed_from_u64(plan.seed),
        begun: 0,
    });
    std::thread::scope(|scope| {
        let (done, tallies) = channel();
        for _ in 0..plan.side_by_side.get() {
            let (rounds, done) = (&rounds, done.clone());
            scope.spawn(move || play(plan, rounds, &done));
        }
        drop(done);
        let mut all = Tally::default();
        for round in tallies {
            all.add(round.clone());
            judged(&round, &all);
        }
        all
    })
}

/// What remains to be done.
struct Rounds {
    random: SmallRng,
    /// Kills of the rounds begun so far.
    begun: u32,
}

/// The task of one round.
struct Task {
    seed: u64,
    kills: u32,
    /// How long the job is frozen at the beginning; in one round only.
    freeze: Option<Duration>,
}

impl Rounds {
    fn next(&mut self, plan: &Plan) -> Option<Task> {
        let kills = plan.kills_a_round.min(plan.kills - self.begun);
        let freeze = (self.begun == 0).then_some(plan.freeze);
        self.begun += kills;
        (kills > 0).then(|| Task {
            seed: self.random.random(),
            kills,
            freeze,
        })
    }
}

/// Plays rounds until there are none left.
fn play(plan: &Plan, rounds: &Mutex<Rounds>, done: &Sender<Tally>) {
    let next = || rounds.lock().unwrap_or_else(PoisonError::into_inner).next(plan);
    while let Some(task) = next() {
        // The receiver lives as long as this thread's scope.
        let _ = done.send(round::run(plan, &task));
    }
}
