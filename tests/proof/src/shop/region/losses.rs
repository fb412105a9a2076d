//! What a replica or a mirror that was behind has lost: it is counted, and judged no further.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;
use weir_proto::Timestamp;

use super::Report;
use crate::kafka;
use crate::shop::judge;
use crate::shop::load::{Answered, ORDERS};
use crate::shop::settle::Books;

/// What was answered meanwhile may be unknown to the promoted database, though it knows the order, or has a refusal to give
/// again: clients ask once more, and the answer counts from now on.
pub(super) fn ask_again(
    answered: &mut Answered,
    doubtful: &Range<Instant>,
    report: &mut Report,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut lost = Vec::new();
    for asked in &mut answered.orders {
        if !doubtful.contains(&asked.at) {
            continue;
        }
        let client = answered
            .clients
            .get_mut(asked.client)
            .context("a client is missing")?;
        if asked.reply.status == 201 {
            let path = format!("{ORDERS}/{}", asked.id());
            if runtime.block_on(client.ask("GET", &path, None, None))?.status == 404 {
                lost.push(asked.id().to_owned());
                continue;
            }
        }
        let again = runtime.block_on(client.ask("POST", ORDERS, Some(&asked.key), Some(&asked.body)))?;
        if again.status != asked.reply.status || !judge::same(&again.body, &asked.reply.body) {
            report.answered_anew += 1;
            asked.reply = again;
            asked.at = Instant::now();
        }
    }
    // Who went on to pay or cancel one was told that it is not there.
    answered
        .faults
        .retain(|fault| !lost.iter().any(|id| fault.contains(id)));
    Ok(())
}

/// What was lost, which is judged no further, and how long it took.
pub(super) fn weigh(
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
    let known = |id: &String| {
        books
            .orders
            .get(id)
            .is_some_and(|order| !order["created_at"].is_null())
    };
    report.unknown = mirrored.iter().filter(|id| !known(id)).cloned().collect();
    books.unknown.clone_from(&report.unknown);
    let unknown = &report.unknown;
    books.events.retain(|event| !unknown.contains(&id(event)));
}

/// What the promoted database has lost of the orders that it knows, which is judged no further either.
pub(super) fn forget(
    report: &mut Report,
    answered: &mut Answered,
    books: &mut Books,
    doubtful: &Range<Instant>,
    events: &BTreeSet<String>,
    window_ms: i64,
) {
    if doubtful.is_empty() {
        return;
    }
    for asked in answered
        .orders
        .iter_mut()
        .filter(|asked| asked.reply.status == 201)
    {
        let status = books
            .orders
            .get(asked.id())
            .and_then(|order| order["status"].as_str());
        if asked.cancelled.is_some_and(|at| doubtful.contains(&at))
            && !matches!(status, Some("cancelled" | "failed"))
        {
            report.lost_cancellations += 1;
            asked.cancelled = None;
        }
        asked.payments.retain(|paid| {
            let is_certain = !doubtful.contains(&paid.at);
            if !is_certain && paid.succeeded() && !matches!(status, Some("confirmed" | "cancelled")) {
                report.lost_payments += 1;
            }
            is_certain
        });
    }
    let is_known = |event: &kafka::Record| event.header("ce_id").is_some_and(|id| events.contains(&id));
    let (kept, lost): (Vec<_>, Vec<_>) = std::mem::take(&mut books.events).into_iter().partition(is_known);
    books.events = kept;
    report.ahead = lost.len();
    let window = |created_at: &Value| -> Option<i64> {
        let at = Timestamp::parse_rfc3339(created_at.as_str()?).ok()?;
        Some(at.millis().div_euclid(window_ms))
    };
    let twice = lost
        .iter()
        .filter(|event| event.header("ce_type").as_deref() == Some("order.created"));
    let twice = twice.filter_map(|event| {
        let id = id(event);
        let taken = window(&books.orders.get(&id)?["created_at"])?;
        let before: Value = serde_json::from_slice(event.value.as_deref()?).ok()?;
        (window(&before["created_at"])? != taken).then_some(id)
    });
    report.taken_twice = twice.collect::<BTreeSet<_>>().len();
    books.twice = report.taken_twice;
}

fn id(event: &kafka::Record) -> String {
    String::from_utf8_lossy(event.key.as_deref().unwrap_or_default()).into_owned()
}

pub(super) fn ids(events: &[kafka::Record]) -> BTreeSet<String> {
    events.iter().map(id).collect()
}
