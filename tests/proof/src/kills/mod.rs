//! Kills the job and its broker again and again while orders flow, and judges every round.
//!
//! A round is a topic, a job and a feeder that writes a rough stream without pause. The job is started with a random
//! number of workers and ended in a random way; then it is started again, until the round has had its kills. A bounded
//! run closes the windows, and the judge has the last word. Rounds may run side by side.

mod act;
mod round;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

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

/// What came of the kills.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Rounds judged.
    pub rounds: u32,
    /// Processes killed, the job's and the broker's.
    pub kills: u32,
    /// Of these, kills of the broker.
    pub broker_kills: u32,
    /// Of these, kills at a named moment inside the job.
    pub named_kills: u32,
    /// Times the job was stopped with SIGSTOP and went on.
    pub freezes: u32,
    /// Times another process took over from a frozen one.
    pub takeovers: u32,
    /// Times the job was asked to stop and did.
    pub stops: u32,
    /// Orders in the windows, by SQL.
    pub orders: i64,
    /// Windows, by SQL.
    pub windows: i64,
    /// Results with a revision above zero.
    pub revisions: i64,
    /// Orders in late topics.
    pub late: i64,
    /// Records in dead letters.
    pub dead: i64,
    /// Orders that are missing.
    pub lost: i64,
    /// Orders that are counted twice.
    pub doubled: i64,
    /// Everything that is wrong, in words.
    pub faults: Vec<String>,
}

impl Tally {
    /// Whether every round was exact.
    pub fn holds(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.faults.is_empty()
    }

    fn add(&mut self, round: Tally) {
        self.rounds += round.rounds;
        self.kills += round.kills;
        self.broker_kills += round.broker_kills;
        self.named_kills += round.named_kills;
        self.freezes += round.freezes;
        self.takeovers += round.takeovers;
        self.stops += round.stops;
        self.orders += round.orders;
        self.windows += round.windows;
        self.revisions += round.revisions;
        self.late += round.late;
        self.dead += round.dead;
        self.lost += round.lost;
        self.doubled += round.doubled;
        self.faults.extend(round.faults);
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "kills {} ({} of the broker, {} at named moments), {} freezes, {} takeovers, {} stops; {} orders in {} windows, \
             {} revisions, {} late, {} dead letters; lost {}, doubled {}",
            self.kills,
            self.broker_kills,
            self.named_kills,
            self.freezes,
            self.takeovers,
            self.stops,
            self.orders,
            self.windows,
            self.revisions,
            self.late,
            self.dead,
            self.lost,
            self.doubled
        )
    }
}

/// Runs round after round until the plan's kills are done; `judged` is told of each round and of all so far.
///
/// # Errors
/// When a broker cannot be started or asked. What is wrong with the job is in the tally.
pub fn run(plan: &Plan, mut judged: impl FnMut(&Tally, &Tally)) -> Result<Tally> {
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
            let round = round?;
            all.add(round.clone());
            judged(&round, &all);
        }
        Ok(all)
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

/// Plays rounds until there are none left or one cannot be played.
fn play(plan: &Plan, rounds: &Mutex<Rounds>, done: &Sender<Result<Tally>>) {
    let next = || rounds.lock().unwrap_or_else(PoisonError::into_inner).next(plan);
    while let Some(task) = next() {
        let round = round::run(plan, &task);
        let failed = round.is_err();
        // Nobody listens any more when another round could not be played.
        if done.send(round).is_err() || failed {
            return;
        }
    }
}
