//! The check at the end: the same orders once more, by SQL.
//!
//! Reads the topics raw into SQLite and does all sums there. It shares with the job neither the parser nor the money
//! nor the windows, only the bytes.

mod ledger;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, anyhow};
use order_analytics::Totals;
use order_service::store::Taken;
use tokio::runtime::Runtime;
use weir_kafka::{Connection, OwnedRecord, offsets, read_range};
use weir_proto::Timestamp;

use self::ledger::{Difference, Ledger, RawOrder, Sums};
use crate::screen::grouped;
use crate::topic_names::{DLQ, LATE, ORDERS, RESULTS};

/// Of more orders than these only the last are checked by SQL: about twenty seconds of work.
const MOST_ORDERS: i64 = 2_000_000;
/// How far `created_at` of an accepted order may lie after its record's timestamp: the job's `--max-ahead`.
const MAX_AHEAD_MS: i64 = 60_000;
/// Differences printed one by one.
const SHOWN: usize = 5;

/// What the job says it did, and what the shop did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    /// Records by the job's own count, in all runs on this folder.
    pub(crate) totals: Totals,
    /// Records that this run produced and the broker acknowledged.
    pub(crate) produced: u64,
    /// How many of them are no valid order; `None` where only the job has judged that.
    pub(crate) bad: Option<u64>,
    /// Where each partition of the topic ended before this run. No count of records: transactions leave marks.
    pub(crate) before: BTreeMap<i32, i64>,
    /// Up to where windows were closed by time when the run ended.
    pub(crate) watermark: Option<Timestamp>,
    /// The orders that the shop ever took, by its own database; `None` where it was never open.
    pub(crate) taken: Option<Taken>,
    /// The ids of the orders that the shop answered customers of our own with 201, in this run.
    pub(crate) answered: Vec<String>,
    /// How many of their orders it did not answer: it may have taken them or not.
    pub(crate) unanswered: u64,
}

/// What came of the check, to be printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What holds, and what was found.
    pub(crate) lines: Vec<String>,
    /// Differences; empty if the check holds.
    pub(crate) faults: Vec<String>,
}

/// The records of the `orders` topic.
#[derive(Clone, Copy, Debug, Default)]
struct Census {
    /// Ever written, whether or not they are still kept.
    written: u64,
    /// Written in this run.
    new: u64,
    /// Of those, in `orders-dlq`.
    new_invalid: u64,
    /// Looked at by SQL.
    checked: u64,
    /// Windows from here on hold none but checked orders.
    from_s: i64,
}

/// Checks everything in the folder, or the last two million orders of it.
///
/// # Errors
/// Topics that cannot be read. A check that does not hold is no error but a [`Verdict`].
pub(crate) fn run(runtime: &Runtime, connection: &Connection, claims: Claims) -> Result<Verdict> {
    let mut ledger = Ledger::open(runtime)?;
    let mut verdict = Verdict::default();
    let is_new = |partition, offset| claims.before.get(&partition).is_none_or(|end| offset >= *end);
    let mut new_invalid = 0;
    for topic in [LATE, DLQ] {
        let twice = read_rejects(connection, topic, &mut ledger, |partition, offset| {
            new_invalid += u64::from(topic == DLQ && is_new(partition, offset));
        })?;
        if twice > 0 {
            verdict
                .faults
                .push(format!("{twice} records stand twice in {topic}"));
        }
    }
    each_record(connection, RESULTS, |record| {
        let value = record.value.unwrap_or_default();
        ledger.result(std::str::from_utf8(&value).context("a result is no UTF-8")?)
    })?;
    let mut of_the_shop = HashSet::new();
    let census = Census {
        new_invalid,
        ..read_orders(connection, &mut ledger, is_new, &mut of_the_shop)?
    };
    if let Some(taken) = &claims.taken {
        judge_shop(taken, &of_the_shop, &mut verdict);
        judge_customers(&claims, taken, &of_the_shop, &mut verdict);
    }
    judge(&mut ledger, census, &claims, &mut verdict)?;
    Ok(verdict)
}

fn each_record(
    connection: &Connection,
    topic: &str,
    mut each: impl FnMut(OwnedRecord) -> Result<()>,
) -> Result<()> {
    for (partition, (first, _)) in offsets(connection, topic)? {
        let mut outcome = Ok(());
        read_range(connection, topic, partition, first, |record| {
            if outcome.is_ok() {
                outcome = each(record);
            }
        })?;
        outcome?;
    }
    Ok(())
}

/// Returns how many stand there twice; the others are told by partition and offset.
fn read_rejects(
    connection: &Connection,
    topic: &'static str,
    ledger: &mut Ledger<'_>,
    mut each: impl FnMut(i32, i64),
) -> Result<u64> {
    let mut twice = 0;
    each_record(connection, topic, |record| {
        let partition = header(&record, "source_partition")?.parse()?;
        let offset = header(&record, "source_offset")?.parse()?;
        if ledger.reject(topic, partition, offset)? {
            each(partition, offset);
        } else {
            twice += 1;
        }
        Ok(())
    })?;
    Ok(twice)
}

fn header<'r>(record: &'r OwnedRecord, name: &str) -> Result<&'r str> {
    let value = record
        .headers
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_slice());
    value
        .and_then(|value| std::str::from_utf8(value).ok())
        .ok_or_else(|| {
            anyhow!(
                "a rejected record at offset {} has no header {name}",
                record.offset
            )
        })
}

fn read_orders(
    connection: &Connection,
    ledger: &mut Ledger<'_>,
    is_new: impl Fn(i32, i64) -> bool,
    of_the_shop: &mut HashSet<Vec<u8>>,
) -> Result<Census> {
    let partitions = offsets(connection, ORDERS)?;
    let most = MOST_ORDERS / i64::try_from(partitions.len().max(1))?;
    let mut census = Census {
        from_s: i64::MIN,
        ..Census::default()
    };
    for (partition, (first, end)) in partitions {
        census.written += first.unsigned_abs();
        let checked_from = first.max(end - most);
        let mut is_cut = first > 0;
        let mut outcome = Ok(());
        read_range(connection, ORDERS, partition, first, |record| {
            census.written += 1;
            census.new += u64::from(is_new(partition, record.offset));
            if is_of_the_shop(&record) {
                of_the_shop.extend(record.key.clone());
            }
            if std::mem::take(&mut is_cut) {
                // What retention has deleted was written before what is kept.
                census.skip_to(record.timestamp.unwrap_or(i64::MAX));
            }
            if record.offset < checked_from {
                census.skip_to(record.timestamp.unwrap_or(i64::MAX));
            } else if outcome.is_ok() {
                census.checked += 1;
                let text = record.value.and_then(|value| String::from_utf8(value).ok());
                outcome = ledger.order(RawOrder {
                    partition,
                    offset: record.offset,
                    text,
                });
            }
        })?;
        outcome?;
    }
    Ok(census)
}

/// Whether the shop's order service published it as an order that it took.
fn is_of_the_shop(record: &OwnedRecord) -> bool {
    let has = |name, value: &[u8]| {
        record
            .headers
            .iter()
            .any(|(key, found)| key == name && found == value)
    };
    has("ce_source", b"/order-service") && has("ce_type", b"order.created")
}

/// An order that was answered with 201 must be one that the shop took; those that wait to be published are told by their
/// number only.
fn judge_customers(claims: &Claims, taken: &Taken, published: &HashSet<Vec<u8>>, verdict: &mut Verdict) {
    let Claims {
        answered, unanswered, ..
    } = claims;
    if answered.is_empty() && *unanswered == 0 {
        return;
    }
    let missing = answered
        .iter()
        .filter(|id| !published.contains(id.as_bytes()))
        .count() as u64;
    let all = grouped(answered.len() as u64);
    if missing > taken.waiting {
        verdict.faults.push(format!(
            "of {all} orders answered with 201 {} are not in the topic, though {} wait",
            grouped(missing),
            grouped(taken.waiting)
        ));
    } else {
        verdict.lines.push(format!(
            "{all} orders by REST answered with 201, each taken; {} unanswered",
            grouped(*unanswered)
        ));
    }
}

/// Every order that the shop took must stand in the topic, but for those that still wait to be published.
fn judge_shop(taken: &Taken, published: &HashSet<Vec<u8>>, verdict: &mut Verdict) {
    let Taken {
        published: claimed,
        waiting,
    } = taken;
    let missing = claimed
        .iter()
        .filter(|id| !published.contains(id.as_bytes()))
        .count();
    let all = grouped(claimed.len() as u64);
    match missing {
        0 => verdict
            .lines
            .push(format!("{all} orders taken by the shop, each in the topic")),
        missing => verdict.faults.push(format!(
            "of {all} orders that the shop published {} are not in the topic",
            grouped(missing as u64)
        )),
    }
    if *waiting > 0 {
        let said = format!(
            "{} more wait to be published at the next start",
            grouped(*waiting)
        );
        verdict.lines.push(said);
    }
}

impl Census {
    /// Whether every order ever written was looked at.
    fn is_whole(self) -> bool {
        self.checked == self.written
    }

    /// A record of this time is not looked at, so its window cannot be checked.
    fn skip_to(&mut self, timestamp_ms: i64) {
        let after_s = timestamp_ms
            .saturating_add(MAX_AHEAD_MS)
            .div_euclid(60_000)
            .saturating_add(1);
        self.from_s = self.from_s.max(after_s.saturating_mul(60));
    }
}

fn judge(ledger: &mut Ledger<'_>, census: Census, claims: &Claims, verdict: &mut Verdict) -> Result<()> {
    judge_totals(census, claims.totals, verdict);
    judge_production(census, claims, verdict);
    let watermark_s = claims
        .watermark
        .map_or(i64::MAX, |watermark| watermark.millis().div_euclid(1_000));
    let sums = ledger.settle(census.from_s, watermark_s)?;
    judge_sums(&sums, census, claims.totals, verdict);
    judge_windows(&ledger.differences()?, &sums, census, verdict);
    Ok(())
}

fn judge_totals(census: Census, totals: Totals, verdict: &mut Verdict) {
    let Totals {
        consumed,
        accepted,
        duplicate,
        ignored,
        late,
        invalid,
    } = totals;
    let sum = accepted + duplicate + ignored + late + invalid;
    let said = format!(
        "{} orders produced = {} accepted + {} duplicate + {} ignored + {} late + {} invalid",
        grouped(census.written),
        grouped(accepted),
        grouped(duplicate),
        grouped(ignored),
        grouped(late),
        grouped(invalid)
    );
    if census.written == sum && consumed == sum {
        verdict.lines.push(said);
    } else {
        verdict.faults.push(format!(
            "not so: {said}; the sum is {sum}, the job consumed {consumed}"
        ));
    }
}

/// What is there and what was refused against what the shop knows of its own records.
fn judge_production(census: Census, claims: &Claims, verdict: &mut Verdict) {
    let Census { new, new_invalid, .. } = census;
    let others = match new.checked_sub(claims.produced) {
        Some(others) => others,
        None => {
            verdict.faults.push(format!(
                "{} orders were acknowledged, {new} are there",
                claims.produced
            ));
            0
        }
    };
    if others > 0 {
        verdict
            .lines
            .push(format!("{} of them came from other producers", grouped(others)));
    }
    if let Some(bad) = claims.bad
        && !(bad..=bad + others).contains(&new_invalid)
    {
        verdict.faults.push(format!(
            "{bad} records of this run are no valid order, {new_invalid} are in orders-dlq"
        ));
    }
}

fn judge_sums(sums: &Sums, census: Census, totals: Totals, verdict: &mut Verdict) {
    if census.is_whole() {
        let by_sql = [
            ("accepted", totals.accepted, sums.accepted),
            ("duplicate", totals.duplicate, sums.created - sums.accepted),
            ("ignored", totals.ignored, sums.ignored),
            ("late", totals.late, sums.late),
            ("invalid", totals.invalid, sums.invalid),
        ];
        for (class, claimed, counted) in by_sql {
            if claimed != counted {
                verdict
                    .faults
                    .push(format!("{claimed} {class} by the job, {counted} by SQL"));
            }
        }
    }
    for (count, what) in [
        (sums.unreadable, "orders are no JSON and not in orders-dlq"),
        (
            sums.doubled,
            "results have the window and the revision of another",
        ),
        (sums.shrunk, "revisions have fewer orders than the one before"),
    ] {
        if count > 0 {
            verdict.faults.push(format!("{count} {what}"));
        }
    }
}

fn judge_windows(differences: &[Difference], sums: &Sums, census: Census, verdict: &mut Verdict) {
    for difference in differences.iter().take(SHOWN) {
        let start = Timestamp::from_millis(difference.window_s.saturating_mul(1_000))
            .map_or_else(|| difference.window_s.to_string(), |start| start.to_string());
        verdict.faults.push(format!(
            "window {start}: SQL counts {}; published is {}",
            difference.expected, difference.published
        ));
    }
    if differences.len() > SHOWN {
        verdict
            .faults
            .push(format!("and {} more windows differ", differences.len() - SHOWN));
    }
    if differences.is_empty() {
        verdict.lines.push(format!(
            "{} windows ({} revisions) equal SQL over {} orders in every field",
            grouped(sums.windows),
            grouped(sums.revisions),
            if census.is_whole() {
                "the same".to_owned()
            } else {
                format!("the last {}", grouped(census.checked))
            },
        ));
    }
    if !census.is_whole() {
        verdict.lines.push(format!(
            "SQL looked at the windows from {} on only: older orders were too many or are no longer kept",
            Timestamp::from_millis(census.from_s.saturating_mul(1_000))
                .map_or_else(|| "the last orders".to_owned(), |from| from.to_string()),
        ));
    }
    if sums.open > 0 {
        verdict.lines.push(format!(
            "{} of the windows were still open and are published early: the next run revises them",
            sums.open
        ));
    }
}
