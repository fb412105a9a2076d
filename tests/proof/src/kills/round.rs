//! One round: a stream, a job that is killed while it reads it, a judgement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use test_support::broker_process::BrokerProcess;
use test_support::child::Child;
use test_support::patience::until;

use super::act::{Act, When};
use super::{Plan, Tally, Task};
use crate::feed::{Feed, Shape, Writer};
use crate::harness::Stage;

/// How long a job may take to publish something while orders flow, from its start or from the broker's.
const PUBLISHES: Duration = Duration::from_secs(45);
/// How long a job may take to notice that it has been fenced, or to stop when asked.
const GOES: Duration = Duration::from_secs(45);
/// How long to wait for a named moment before killing the job anyway.
const MOMENT: Duration = Duration::from_secs(8);

struct Round<'a> {
    plan: &'a Plan,
    random: SmallRng,
    stage: Stage,
    broker: Option<BrokerProcess>,
    running: Option<Child>,
    tally: Tally,
}

pub(super) fn run(plan: &Plan, task: &Task) -> Result<Tally> {
    let broker = if plan.kafka.is_none() {
        Some(BrokerProcess::start(&plan.proof)?)
    } else {
        None
    };
    let bootstrap = plan
        .kafka
        .as_deref()
        .or(broker.as_ref().map(BrokerProcess::address))
        .unwrap_or_default()
        .to_owned();
    let mut random = SmallRng::seed_from_u64(task.seed);
    // The clocks of a topic move by themselves while the feeder waits for a broker: a tardy order keeps that distance.
    let shape = Shape {
        slack_ms: 25_000,
        lateness_ms: 120_000,
        rate: 10.0,
        ..Shape::rough(random.random())
    };
    let stage = Stage::new(&plan.proof, &bootstrap, "kills", &shape)?;
    let mut round = Round {
        plan,
        random,
        stage,
        broker,
        running: None,
        tally: Tally {
            rounds: 1,
            ..Tally::default()
        },
    };
    let feeder = Feeder::start(
        Writer::new(&bootstrap, &round.stage.job.topics.orders)?,
        Feed::new(shape),
    );
    if let Some(freeze) = task.freeze {
        round.act(Act::Freeze(freeze), When::Published)?;
    }
    while round.tally.kills < task.kills {
        let act = Act::choose(&mut round.random, round.broker.is_some());
        let when = When::choose(&mut round.random);
        round.act(act, when)?;
        if !round.tally.faults.is_empty() {
            break;
        }
    }
    let acknowledged = feeder.stop()?;
    round.end(acknowledged, task.seed)
}

impl Round<'_> {
    fn act(&mut self, act: Act, when: When) -> Result<()> {
        if let Act::FailAt(point, passage) = act {
            return self.fail_at(point, passage);
        }
        let Some(mut job) = self.job()? else { return Ok(()) };
        match when {
            When::After(while_) => std::thread::sleep(while_),
            When::Published => self.await_publication(&mut job, &format!("before {act:?}"))?,
        }
        match act {
            Act::FailAt(..) => {}
            Act::KillJob => {
                job.kill()?;
                self.tally.kills += 1;
            }
            Act::KillBroker(away) => {
                self.kill_broker(away, None)?;
                self.running = Some(job);
            }
            Act::KillBoth(away) => self.kill_broker(away, Some(job))?,
            Act::Freeze(time) => {
                job.freeze()?;
                std::thread::sleep(time);
                job.thaw()?;
                self.tally.freezes += 1;
                self.running = Some(job);
            }
            Act::TakeOver => self.take_over(job)?,
            Act::Stop => {
                job.terminate()?;
                let status = job.wait(GOES)?;
                if !status.success() {
                    self.tally
                        .faults
                        .push(format!("SIGTERM ended with {status}:\n{}", job.tail()));
                }
                self.tally.stops += 1;
            }
        }
        Ok(())
    }

    /// The job that runs, or a new one with another number of workers; none if it has ended by itself, which is a fault.
    fn job(&mut self) -> Result<Option<Child>> {
        let Some(mut job) = self.running.take() else {
            self.stage.job.workers = self.plan.workers[self.random.random_range(0..self.plan.workers.len())];
            return Ok(Some(self.stage.job.follow()?));
        };
        if let Some(status) = job.ended()? {
            self.tally
                .faults
                .push(format!("the job ended by itself with {status}:\n{}", job.tail()));
            return Ok(None);
        }
        Ok(Some(job))
    }

    fn await_publication(&mut self, job: &mut Child, what: &str) -> Result<()> {
        let before = self.stage.results()?.len();
        let published = until("a result", PUBLISHES, || {
            if let Some(status) = job.ended()? {
                return Ok(Some(Err(format!("the job ended by itself with {status}"))));
            }
            Ok((self.stage.results()?.len() > before).then_some(Ok(())))
        });
        let silence = match published {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(ended)) => ended,
            Err(error) => error.to_string(),
        };
        self.tally
            .faults
            .push(format!("{what}: {silence}:\n{}", job.tail()));
        Ok(())
    }

    fn fail_at(&mut self, point: crate::harness::FailPoint, passage: u32) -> Result<()> {
        if let Some(job) = self.job()? {
            // A job can be told where to fail only at its start.
            job.kill()?;
            self.tally.kills += 1;
        }
        self.stage.job.fail = Some((point, passage));
        let job = self.job()?;
        self.stage.job.fail = None;
        let Some(mut job) = job else { return Ok(()) };
        let Ok(status) = job.wait(MOMENT) else {
            job.kill()?;
            self.tally.kills += 1;
            return Ok(());
        };
        if std::os::unix::process::ExitStatusExt::signal(&status).is_none() {
            self.tally.faults.push(format!(
                "at {}:{passage} the job ended with {status}:\n{}",
                point.name(),
                job.tail()
            ));
        }
        self.tally.kills += 1;
        self.tally.named_kills += 1;
        Ok(())
    }

    fn kill_broker(&mut self, away: Duration, with_it: Option<Child>) -> Result<()> {
        let Some(broker) = &mut self.broker else {
            return Ok(());
        };
        broker.kill()?;
        self.tally.kills += 1;
        self.tally.broker_kills += 1;
        std::thread::sleep(away / 2);
        if let Some(job) = with_it {
            job.kill()?;
            self.tally.kills += 1;
        }
        std::thread::sleep(away / 2);
        broker.restart()
    }

    /// The old one wakes up as a zombie: what it holds must not reach the topics.
    fn take_over(&mut self, mut old: Child) -> Result<()> {
        old.freeze()?;
        let Some(mut new) = self.job()? else { return Ok(()) };
        self.await_publication(&mut new, "after a takeover")?;
        old.thaw()?;
        match old.wait(GOES) {
            Ok(status) if status.success() => {
                self.tally.faults.push(format!(
                    "a job that was taken over ended with {status}:\n{}",
                    old.tail()
                ));
            }
            Ok(_) => {}
            Err(error) => self
                .tally
                .faults
                .push(format!("a job that was taken over did not go: {error}")),
        }
        self.tally.takeovers += 1;
        self.running = Some(new);
        Ok(())
    }

    fn end(mut self, acknowledged: u64, seed: u64) -> Result<Tally> {
        if let Some(job) = self.job()? {
            job.kill()?;
        }
        if let Err(error) = self.stage.job.finish() {
            self.tally.faults.push(error.to_string());
        }
        let verdict = self.stage.judge()?;
        let stored = self.stage.evidence.orders.len() as u64;
        if stored != acknowledged {
            self.tally.faults.push(format!(
                "the broker acknowledged {acknowledged} orders and holds {stored}"
            ));
        }
        if !verdict.holds() {
            self.tally.faults.push(format!("seed {seed}: {verdict}"));
        }
        self.tally.orders = verdict.accepted;
        self.tally.windows = verdict.windows;
        self.tally.revisions = verdict.revisions;
        self.tally.late = verdict.late;
        self.tally.dead = verdict.dead;
        self.tally.lost = verdict.lost;
        self.tally.doubled = verdict.doubled;
        if !self.tally.faults.is_empty() {
            eprintln!("evidence kept in {}", self.stage.keep().display());
        }
        Ok(self.tally)
    }
}

/// Event time that passes between two writes, milliseconds.
const SLICE_MS: i64 = 4_000;
/// Wall time between two writes: event time runs some hundred times as fast as the clock.
const PACE: Duration = Duration::from_millis(20);

/// Writes the stream until it is stopped.
struct Feeder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64>>,
}

impl Feeder {
    fn start(mut writer: Writer, mut feed: Feed) -> Feeder {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                writer.write(&feed.next(SLICE_MS))?;
                std::thread::sleep(PACE);
            }
            Ok(writer.acknowledged())
        });
        Feeder { stop, thread }
    }

    /// Records acknowledged in all.
    fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the feeder panicked"))?
    }
}
