//! One round: a stream, a job that is killed while it reads it, a judgement.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use test_support::broker_process::BrokerProcess;
use test_support::child::{Child, killed};
use test_support::patience::until;

use super::act::{Act, When};
use super::feeder::Feeder;
use super::{Plan, Tally, Task};
use crate::feed::{Feed, Receipts, Shape, Writer};
use crate::harness::{FailPoint, Stage};
use crate::kafka::Watch;

/// How long a job may take to publish something while orders flow, from its start or from the broker's.
const PUBLISHES: Duration = Duration::from_secs(45);
/// How long a job may take to notice that it has been fenced, or to stop when asked.
const GOES: Duration = Duration::from_secs(45);
/// How long to wait for a named moment before killing the job anyway.
const MOMENT: Duration = Duration::from_secs(8);
/// The job's exit code when another took over.
const FENCED: i32 = 76;

struct Round<'a> {
    plan: &'a Plan,
    random: SmallRng,
    stage: Stage,
    results: Watch,
    broker: Option<BrokerProcess>,
    running: Option<Child>,
    tally: Tally,
}

/// Plays a round. Whatever goes wrong, also with the round itself, is a fault in its tally.
pub(super) fn run(plan: &Plan, task: &Task) -> Tally {
    let mut tally = match Round::set_up(plan, task) {
        Ok((round, feeder)) => round.play(task, feeder),
        Err(error) => Tally {
            rounds: 1,
            faults: vec![format!("setting up: {error:#}")],
            ..Tally::default()
        },
    };
    for fault in &mut tally.faults {
        *fault = format!("seed {}: {fault}", task.seed);
    }
    tally
}

impl Round<'_> {
    fn set_up<'a>(plan: &'a Plan, task: &Task) -> Result<(Round<'a>, Feeder)> {
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
            rate: 4.0,
            ..Shape::rough(random.random())
        };
        let mut stage = Stage::new(&plan.proof, &bootstrap, "kills", &shape)?;
        // Longer than any freeze: only who was taken over may end as fenced.
        let transaction_timeout = (plan.freeze * 2).max(Duration::from_secs(300));
        stage.job.more = vec![
            "--transaction-timeout".to_owned(),
            format!("{}s", transaction_timeout.as_secs()),
        ];
        let feeder = Feeder::start(
            Writer::new(&bootstrap, &stage.job.topics.orders)?,
            Feed::new(shape),
        );
        let round = Round {
            plan,
            random,
            results: Watch::new(&bootstrap, &stage.job.topics.results)?,
            stage,
            broker,
            running: None,
            tally: Tally {
                rounds: 1,
                ..Tally::default()
            },
        };
        Ok((round, feeder))
    }

    fn play(mut self, task: &Task, feeder: Feeder) -> Tally {
        let struck = self.strike(task);
        // A broker that did not come back must not keep the evidence from being judged.
        let served = self.broker.as_mut().map_or(Ok(()), BrokerProcess::restart);
        let judged = served
            .and_then(|()| feeder.stop())
            .and_then(|acknowledged| self.judge(&acknowledged));
        for outcome in [struck, judged] {
            if let Err(error) = outcome {
                self.tally.faults.push(format!("{error:#}"));
            }
        }
        if !self.tally.holds() {
            eprintln!("evidence kept in {}", self.stage.keep().display());
        } else if self.plan.kafka.is_some()
            && let Err(error) = self.stage.delete_topics()
        {
            self.tally
                .faults
                .push(format!("deleting the topics of the round: {error:#}"));
        }
        self.tally
    }

    /// Act after act until the round has had its kills.
    ///
    /// # Errors
    /// At the first thing the job did that it must not do.
    fn strike(&mut self, task: &Task) -> Result<()> {
        if let Some(freeze) = task.freeze {
            self.act(Act::Freeze(freeze), When::Published)?;
        }
        while self.tally.kills < task.kills {
            let act = Act::choose(&mut self.random, self.broker.is_some());
            let when = When::choose(&mut self.random);
            self.act(act, when)?;
        }
        if let Some(job) = self.running.take() {
            self.kill(job)?;
        }
        Ok(())
    }

    fn act(&mut self, act: Act, when: When) -> Result<()> {
        if let Act::FailAt(point, passage) = act {
            return self.fail_at(point, passage).with_context(|| format!("{act:?}"));
        }
        let mut job = self.job().with_context(|| format!("before {act:?}"))?;
        match when {
            When::After(while_) => std::thread::sleep(while_),
            When::Published => self
                .await_publication(&mut job)
                .with_context(|| format!("before {act:?}"))?,
        }
        // One that ended by itself must not pass for one that was killed, or that stood still.
        job.ensure_running()
            .and_then(|()| match act {
                Act::FailAt(point, passage) => self.fail_at(point, passage),
                Act::KillJob => self.kill(job),
                Act::KillBroker(away) => {
                    self.kill_broker(away, None)?;
                    self.running = Some(job);
                    Ok(())
                }
                Act::KillBoth(away) => self.kill_broker(away, Some(job)),
                Act::Freeze(time) => self.freeze(job, time),
                Act::TakeOver => self.take_over(job),
                Act::Stop => self.stop(job),
            })
            .with_context(|| format!("{act:?}"))
    }

    /// The job that runs, or a new one with another number of workers.
    ///
    /// # Errors
    /// When the one that ran has ended by itself.
    fn job(&mut self) -> Result<Child> {
        let Some(mut job) = self.running.take() else {
            self.stage.job.workers = self.plan.workers[self.random.random_range(0..self.plan.workers.len())];
            return self.stage.job.follow();
        };
        job.ensure_running()?;
        Ok(job)
    }

    fn await_publication(&mut self, job: &mut Child) -> Result<()> {
        let results = &mut self.results;
        let before = until("the end of the results", PUBLISHES, || results.end())?;
        until("a result", PUBLISHES, || {
            job.ensure_running()?;
            Ok(results.published_since(before)?.then_some(()))
        })
        .with_context(|| job.tail())
    }

    fn kill(&mut self, job: Child) -> Result<()> {
        job.kill()?;
        self.tally.kills += 1;
        Ok(())
    }

    fn fail_at(&mut self, point: FailPoint, passage: u32) -> Result<()> {
        if let Some(job) = self.running.take() {
            // A job can be told where to fail only at its start.
            self.kill(job)?;
        }
        self.stage.job.fail = Some((point, passage));
        let job = self.job();
        self.stage.job.fail = None;
        let mut job = job?;
        let Ok(status) = job.wait(MOMENT) else {
            self.tally.missed_moments += 1;
            return self.kill(job);
        };
        ensure!(killed(status), "the job ended with {status}:\n{}", job.tail());
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

    fn freeze(&mut self, job: Child, time: Duration) -> Result<()> {
        job.freeze()?;
        std::thread::sleep(time);
        job.thaw()?;
        self.tally.freezes += 1;
        self.running = Some(job);
        Ok(())
    }

    /// One of two must go. Mostly it is the old one, which wakes up as a zombie: what it holds must not reach the topics.
    /// One that was frozen before it had taken the transactional id takes it when it wakes, and the new one must go.
    fn take_over(&mut self, mut old: Child) -> Result<()> {
        old.freeze()?;
        let mut new = self.job()?;
        self.await_publication(&mut new)
            .context("from the one that takes over")?;
        old.thaw()?;
        let old_went = until("one of two jobs goes", GOES, || {
            Ok(match (old.ended()?, new.ended()?) {
                (None, None) => None,
                (went, _) => Some(went.is_some()),
            })
        })
        .with_context(|| new.tail())?;
        let (mut gone, stays) = if old_went { (old, new) } else { (new, old) };
        let status = gone.wait(GOES)?;
        ensure!(
            status.code() == Some(FENCED),
            "the one that was taken over ended with {status}:\n{}",
            gone.tail()
        );
        self.tally.takeovers += 1;
        self.running = Some(stays);
        Ok(())
    }

    fn stop(&mut self, mut job: Child) -> Result<()> {
        job.terminate()?;
        let status = job.wait(GOES)?;
        ensure!(
            status.success(),
            "SIGTERM ended it with {status}:\n{}",
            job.tail()
        );
        self.tally.stops += 1;
        Ok(())
    }

    /// Closes every window and compares.
    fn judge(&mut self, acknowledged: &Receipts) -> Result<()> {
        let finished = self.stage.job.finish();
        self.stage.acknowledge(acknowledged);
        let verdict = self.stage.judge()?;
        let tally = &mut self.tally;
        tally.orders = verdict.accepted;
        tally.windows = verdict.windows;
        tally.revisions = verdict.revisions;
        tally.by_commit = verdict.by_commit;
        tally.late = verdict.late;
        tally.dead = verdict.dead;
        tally.lost = verdict.lost;
        tally.doubled = verdict.doubled;
        if !verdict.holds() {
            tally.faults.push(verdict.to_string());
        }
        finished
    }
}
