//! The drill of a lost region: two Apache Kafkas and a mirror between them, two PostgreSQLs of which one is the other's
//! replica; everything of the first is killed in mid-traffic and the shop begins again on the second. The clients keep
//! asking, with their keys.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use test_support::kafka_process::KafkaProcess;
use test_support::mirror_process::MirrorProcess;
use test_support::patience::until;

use super::load::{Answered, Load};
use super::settle::{Books, settle};
use super::{Plan, Shop, Tally, judge};
use crate::kafka;

/// How long the mirror may take to make the topics.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the drill measured.
#[derive(Debug, Default)]
pub struct Report {
    /// Orders that were acknowledged before the loss.
    pub acknowledged: usize,
    /// Of these, orders that the promoted database does not know.
    pub lost: usize,
    /// How long before the loss the first of them was acknowledged.
    pub lost_for: Duration,
    /// Orders of the mirrored topic that the promoted database does not know, by their ids.
    pub unknown: BTreeSet<String>,
    /// Orders that were acknowledged before the loss, are in the database and were not mirrored.
    pub not_mirrored: usize,
    /// How long before the loss the first of them was acknowledged.
    pub not_mirrored_for: Duration,
    /// From the loss until an order was acknowledged again.
    pub orders_again: Duration,
    /// From the loss until a window was published again.
    pub windows_again: Duration,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "orders acknowledged before the loss {}, of which lost {} (RPO {:.1} s), kept but not mirrored {} ({:.1} s), \
             mirrored but not kept {} {:?}; RTO: orders after {:.1} s, windows after {:.1} s",
            self.acknowledged,
            self.lost,
            self.lost_for.as_secs_f64(),
            self.not_mirrored,
            self.not_mirrored_for.as_secs_f64(),
            self.unknown.len(),
            self.unknown,
            self.orders_again.as_secs_f64(),
            self.windows_again.as_secs_f64(),
        )
    }
}

/// Loses a region and judges the other. `jars` is the folder of Apache Kafka's jars, `behind` is how far the mirror is when
/// that happens; the plan's `kafka` is not looked at.
#[must_use]
pub fn lose(plan: &Plan, jars: &Path, behind: Duration) -> (Tally, Report) {
    let (mut tally, mut report) = (Tally::default(), Report::default());
    if let Err(error) = drill(plan, jars, behind, &mut tally, &mut report) {
        tally.fault(format!("{error:#}"));
    }
    (tally, report)
}

fn drill(plan: &Plan, jars: &Path, behind: Duration, tally: &mut Tally, report: &mut Report) -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut one = KafkaProcess::start(jars).context("the broker of region one")?;
    let two = KafkaProcess::start(jars).context("the broker of region two")?;
    let plan = Plan {
        kafka: Some(one.address().to_owned()),
        ..plan.clone()
    };
    let mut shop = Shop::start(&plan).context("starting the shop")?;
    let outcome = in_shop(&plan, jars, behind, &mut shop, (&mut one, &two), tally, report);
    if outcome.is_err() || !tally.holds() {
        tally.fault(format!("logs are kept in {}", shop.keep().display()));
    }
    outcome
}

fn in_shop(
    plan: &Plan,
    jars: &Path,
    behind: Duration,
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
    mirror.freeze()?;
    std::thread::sleep(behind);

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
    tally.take(&answered);
    let mut books = settle(shop, &answered)?;
    weigh(report, &mut answered, &mut books, &mirrored, loss, dead);
    judge::judge(shop, &goods, &answered, &books, tally)
}

/// What was lost, which is judged no further, and how long it took.
fn weigh(
    report: &mut Report,
    answered: &mut Answered,
    books: &mut Books,
    mirrored: &BTreeSet<String>,
    loss: Instant,
    dead: Instant,
) {
    let ago = |at: Instant| loss.saturating_duration_since(at);
    for asked in answered.taken() {
        if asked.at >= dead {
            let after = asked.at.duration_since(loss);
            let first = report.orders_again;
            report.orders_again = if first.is_zero() { after } else { first.min(after) };
            continue;
        }
        report.acknowledged += 1;
        if !books.orders.contains_key(asked.id()) {
            report.lost += 1;
            report.lost_for = report.lost_for.max(ago(asked.at));
        } else if !mirrored.contains(asked.id()) {
            report.not_mirrored += 1;
            report.not_mirrored_for = report.not_mirrored_for.max(ago(asked.at));
        }
    }
    // Only what was acknowledged before may be lost.
    answered.orders.retain(|asked| {
        asked.reply.status != 201 || asked.at >= dead || books.orders.contains_key(asked.id())
    });
    let known = |id: &String| books.orders.contains_key(id);
    report.unknown = mirrored.iter().filter(|id| !known(id)).cloned().collect();
    books.unknown.clone_from(&report.unknown);
    let unknown = &report.unknown;
    books.events.retain(|event| !unknown.contains(&id(event)));
}

fn id(event: &kafka::Record) -> String {
    String::from_utf8_lossy(event.key.as_deref().unwrap_or_default()).into_owned()
}

fn ids(events: &[kafka::Record]) -> BTreeSet<String> {
    events.iter().map(id).collect()
}
