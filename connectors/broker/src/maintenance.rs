//! What falls due without a request: transaction and session time-outs, retention, expiry.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::fault::storage;
use crate::ledger::{Committed, Entry, TopicPartition};
use crate::locked::now_ms;
use crate::node::Node;

/// Runs until the broker stops.
pub(crate) async fn run(node: Arc<Node>) {
    let period_ms = node.config.retention_check.as_millis().max(1) as i64;
    let mut next_check = now_ms() + period_ms;
    loop {
        let now = now_ms();
        if now >= next_check {
            let _ = node.on_disk(|node| clean(node, now_ms())).await;
            next_check = now_ms() + period_ms;
        }
        let transactions = node
            .on_disk(|node| node.transactions.tend(now_ms()))
            .await
            .unwrap_or(None);
        let groups = node.groups.tend().map(|at| {
            let left = at.saturating_duration_since(Instant::now());
            // A millisecond more, so that it is really due when it is looked at.
            now_ms() + left.as_millis() as i64 + 1
        });
        let next = [Some(next_check), transactions, groups]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(next_check);
        tokio::select! {
            () = node.alarm.wait_until(next) => {}
            () = node.stopping.cancelled() => return,
        }
    }
}

fn clean(node: &Node, now: i64) {
    let silent_since = now - node.config.producer_expiry.as_millis() as i64;
    for topic in node.topics.all() {
        let settings = topic.settings();
        for index in 0..topic.partition_count() {
            let Some(partition) = topic.partition(index) else {
                continue;
            };
            let cleaned = partition.with_log(|log| {
                log.expire_producers(silent_since);
                log.retain(&settings.log, now)
                    .map_err(|e| storage("deleting old segments", &e))
            });
            if let Ok(dropped @ 1..) = cleaned {
                tracing::info!(
                    topic = topic.name,
                    partition = index,
                    dropped,
                    "segments deleted by retention"
                );
            }
        }
    }
    expire_offsets(node, now);
}

/// Forgets offsets of groups without members whose last commit is long ago.
fn expire_offsets(node: &Node, now: i64) {
    let before = now - node.config.offsets_retention.as_millis() as i64;
    // Looked at and decided in one go: a group must not be forgotten while it commits again.
    let _ = node.journal.decide(|ledger| {
        let is_old = |(_, offsets): &(&String, &BTreeMap<TopicPartition, Committed>)| {
            offsets.values().all(|committed| committed.at_ms < before)
        };
        let old = ledger.groups.iter().filter(is_old).map(|(id, _)| id);
        let deleted = old
            .filter(|id| !node.groups.has_members(id))
            .map(|id| Entry::GroupDeleted { group: id.clone() });
        Ok((deleted.collect(), ()))
    });
}
