//! Rows to store, and places to store them in.

use std::collections::BTreeMap;

use test_support::buckets::Bucket;
use weir_parquet::Store;
use weir_proto::{AnalyticsResult, MoneySum, ResultTotals, Timestamp};

pub(crate) const JOB: &str = "order-analytics";
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// A window of a minute with values that depend on its start and revision.
pub(crate) fn row(start: Timestamp, revision: u32) -> AnalyticsResult {
    window(start, MINUTE, revision)
}

pub(crate) fn window(start: Timestamp, length_ms: i64, revision: u32) -> AnalyticsResult {
    let orders = 1 + u64::try_from(start.millis() / 1000 % 97).unwrap() + u64::from(revision);
    let totals = ResultTotals {
        order_count: orders,
        total_revenue: MoneySum::from_minor(i128::from(orders) * 12_995 + 1),
        total_items: i64::try_from(orders).unwrap() * 2,
        unique_users: orders.div_ceil(2),
    };
    AnalyticsResult::new(start..later(start, length_ms), totals, revision).unwrap()
}

/// The row with another revision.
pub(crate) fn revised(row: AnalyticsResult, revision: u32) -> AnalyticsResult {
    AnalyticsResult::new(row.window_start()..row.window_end(), row.totals(), revision).unwrap()
}

/// The row with other totals.
pub(crate) fn with_totals(row: AnalyticsResult, change: impl FnOnce(&mut ResultTotals)) -> AnalyticsResult {
    let mut totals = row.totals();
    change(&mut totals);
    AnalyticsResult::new(row.window_start()..row.window_end(), totals, row.revision()).unwrap()
}

pub(crate) fn later(start: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_millis(start.millis() + ms).unwrap()
}

/// `count` windows of a minute, one after the other.
pub(crate) fn minutes(first: &str, count: i64) -> Vec<AnalyticsResult> {
    (0..count)
        .map(|minute| row(later(at(first), minute * MINUTE), 0))
        .collect()
}

/// What must lie there after rows were merged: the highest revision of each window, in order.
pub(crate) fn expected(rows: impl IntoIterator<Item = AnalyticsResult>) -> Vec<AnalyticsResult> {
    let mut windows: BTreeMap<Timestamp, AnalyticsResult> = BTreeMap::new();
    for row in rows {
        let stands = windows.entry(row.window_start()).or_insert(row);
        if row.revision() > stands.revision() {
            *stands = row;
        }
    }
    windows.into_values().collect()
}

pub(crate) async fn open(bucket: &Bucket) -> Store {
    Store::open_with(&bucket.url, JOB, &bucket.settings)
        .await
        .unwrap()
}
