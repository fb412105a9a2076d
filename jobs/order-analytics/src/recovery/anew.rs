//! A start without progress.

use std::collections::{BTreeMap, HashMap};

use weir_dataflow::source::{RejectedBefore, Start, StartPartition};
use weir_dataflow::window::Rules;
use weir_kafka::Connection;
use weir_proto::AnalyticsResult;

use super::Beginning;
use super::rejected::{for_each_record, rejected_before};
use crate::error::JobError;
use crate::progress::{Published, PublishedTotals, RejectedFrom};
use crate::settings::Settings;

/// A start without progress. Results that are there all the same were published by a run whose progress was lost:
/// neither they nor the rejects are written twice.
pub(super) fn anew(
    connection: &Connection,
    settings: &Settings,
    ends: BTreeMap<i32, (i64, i64)>,
) -> Result<Beginning, JobError> {
    let mut published: BTreeMap<u64, Published> = BTreeMap::new();
    for_each_record(connection, &settings.results_topic, &BTreeMap::new(), |record| {
        let Some(result) = record
            .value
            .as_deref()
            .and_then(|value| AnalyticsResult::from_json(value).ok())
        else {
            return;
        };
        let length_ms = result.window_end().millis() - result.window_start().millis();
        if u128::from(length_ms.unsigned_abs()) != settings.window.as_millis() {
            // Of a job with other windows.
            return;
        }
        let window = (result.window_start().millis() / 1_000).unsigned_abs();
        let newer = published
            .get(&window)
            .is_none_or(|known| known.revision <= result.revision());
        if newer {
            let totals = PublishedTotals {
                orders: result.order_count(),
                cents: result.total_revenue().minor(),
                items: result.total_items(),
                users: result.unique_users(),
            };
            published.insert(
                window,
                Published {
                    revision: result.revision(),
                    totals,
                },
            );
        }
    })?;
    let from = RejectedFrom::default();
    let rejected = rejected_before(connection, settings, &from)?;
    if !published.is_empty() || !rejected.is_empty() {
        tracing::warn!(
            windows = published.len(),
            rejects = rejected.len(),
            "there is no progress but there are results: the log is read from its beginning, nothing is written twice"
        );
    }
    let rejected_from = (!rejected.is_empty()).then_some(from);
    Ok(Beginning {
        rejected_from,
        ..begin_anew(&settings.rules(), published, rejected, ends)
    })
}

/// Where a run begins that has no progress: at the beginning of the log, with what was published and rejected before.
pub(crate) fn begin_anew(
    rules: &Rules,
    published: BTreeMap<u64, Published>,
    rejected: HashMap<(i32, i64), RejectedBefore>,
    ends: BTreeMap<i32, (i64, i64)>,
) -> Beginning {
    let partitions = ends
        .iter()
        .map(|(&partition, &(first, _))| (partition, StartPartition::at(first)));
    Beginning {
        start: Start {
            partitions: partitions.collect(),
            rejected,
            ..Start::default()
        },
        rebuilt_until: published.keys().next_back().map_or(0, |last| rules.end(*last)),
        published,
        ends,
        ..Beginning::default()
    }
}
