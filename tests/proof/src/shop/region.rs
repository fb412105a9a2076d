//! The drill of a lost region: two Apache Kafkas and a mirror between them, two PostgreSQLs of which one is the other's
//! replica; everything of the first is killed in mid-traffic and the shop begins again on the second. The clients keep
//! asking, with their keys.

mod losses;
mod report;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use test_support::kafka_process::KafkaProcess;
use test_support::mirror_process::MirrorProcess;
use test_support::patience::until;
use test_support::postgres_process::PostgresProcess;

use self::losses::{ask_again, forget, ids, weigh};
pub use self::report::Report;
use super::load::Load;
use super::settle::settle;
use super::{Plan, Shop, Tally, judge};
use crate::kafka;

/// How long the mirror may take to make the topics.
const PATIENCE: Duration = Duration::from_secs(120);

/// How far behind the other region is when the first is lost.
#[derive(Debug, Clone, Copy)]
pub struct Lag {
    /// The mirror of the topics.
    pub mirror: Duration,
    /// The replica of the database; where it is zero the replica lies beside, and misses nothing that was acknowledged.
    pub replica: Duration,
}

/// Loses a region and judges the other. `jars` is the folder of Apache Kafka's jars; the plan's `kafka` is not looked at.
#[must_use]
pub fn lose(plan: &Plan, jars: &Path, lag: Lag) -> (Tally, Report) {
    let (mut tally, mut report) = (Tally::default(), Report::default());
    if let Err(error) = drill(plan, jars, lag, &mut tally, &mut report) {
        tally.fault(format!("{error:#}"));
    }
    (tally, report)
}

fn drill(plan: &Plan, jars: &Path, lag: Lag, tally: &mut Tally, report: &mut Report) -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut one = KafkaProcess::start(jars).context("the broker of region one")?;
    let two = KafkaProcess::start(jars).context("the broker of region two")?;
    let plan = Plan {
        kafka: Some(one.address().to_owned()),
        ..plan.clone()
    };
    let mut shop = Shop::start(&plan).context("starting the shop")?;
    let outcome = in_shop(&plan, jars, lag, &mut shop, (&mut one, &two), tally, report);
    if outcome.is_err() || !tally.holds() {
        tally.fault(format!("logs are kept in {}", shop.keep().display()));
    }
    outcome
}

fn in_shop(
    plan: &Plan,
    jars: &Path,
    lag: Lag,
    shop: &mut Shop,
    (one, two): (&mut KafkaProcess, &KafkaProcess),
    tally: &mut Tally,
    report: &mut Report,
) -> Result<()> {
    let mut replica = shop.replica().context("the database of region two")?;
    let sources = shop.sources();
    let mut mirror = MirrorProcess::start(jars, one.address(), two.address(), &sources)?;
    until("the mirrored topics", PATIENCE, || {
        mirror.ensure_running()?;
        for topic in sources {
            let there = kafka::partitions(one.address(), topic)?.len();
            if kafka::partitions(two.address(), topic)?.len() != there {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })?;
    let goods = shop.fill_the_shelves().context("the catalogue")?;
    let seed = SmallRng::seed_from_u64(plan.seed).random();
    let load = Load::start(&shop.gateway(), &goods, plan.clients, seed)?;
    std::thread::sleep(plan.load);
    let since = Instant::now();
    fall_behind(lag, &mirror, &replica)?;

    let loss = Instant::now();
    shop.kill_all()?;
    one.kill()?;
    mirror.kill()?;
    let dead = Instant::now();
    replica.promote().context("promoting the replica")?;
    let mirrored = ids(&kafka::read_all(two.address(), &shop.job().topics.orders)?);
    shop.begin_again(replica, two.address())
        .context("beginning again")?;
    until("a window of region two", PATIENCE, || {
        let windows = kafka::read_all(two.address(), &shop.job().topics.results)?;
        Ok((!windows.is_empty()).then_some(()))
    })?;
    report.windows_again = loss.elapsed();
    std::thread::sleep(plan.load);

    let mut answered = load.stop()?;
    let doubtful = match lag.replica.is_zero() {
        true => dead..dead,
        false => since..dead,
    };
    ask_again(&mut answered, &doubtful, report)?;
    tally.take(&answered);
    let mut books = settle(shop, &answered)?;
    weigh(report, &mut answered, &mut books, &mirrored, loss, dead);
    forget(
        report,
        &mut answered,
        &mut books,
        &doubtful,
        &shop.events()?,
        shop.job().rules.window_ms,
    );
    judge::judge(shop, &goods, &answered, &books, tally)
}

/// Lets mirror and replica stand still, each for its time, which end together.
fn fall_behind(lag: Lag, mirror: &MirrorProcess, replica: &PostgresProcess) -> Result<()> {
    let longest = lag.mirror.max(lag.replica);
    let until = Instant::now() + longest;
    let wait = |left: Duration| std::thread::sleep((until - left).saturating_duration_since(Instant::now()));
    let stop_replica = || match lag.replica.is_zero() {
        true => Ok(()),
        false => replica.stop_following().context("stopping the replica"),
    };
    if lag.replica >= lag.mirror {
        stop_replica()?;
        wait(lag.mirror);
        mirror.freeze()?;
    } else {
        mirror.freeze()?;
        wait(lag.replica);
        stop_replica()?;
    }
    wait(Duration::ZERO);
    Ok(())
}
