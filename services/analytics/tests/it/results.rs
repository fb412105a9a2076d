//! Results to test with.

use weir_proto::{AnalyticsResult, MoneySum, ResultTotals, Timestamp};

/// The start of the first window.
pub(crate) const FIRST_MS: i64 = 1_790_000_040_000;
const MINUTE_MS: i64 = 60_000;

/// The start of the window of this number.
pub(crate) fn start(window: i64) -> Timestamp {
    Timestamp::from_millis(FIRST_MS + window * MINUTE_MS).unwrap()
}

/// A result of the window of this number.
pub(crate) fn result(window: i64, orders: u64, cents: i128, revision: u32) -> AnalyticsResult {
    let totals = ResultTotals {
        order_count: orders,
        total_revenue: MoneySum::from_minor(cents),
        total_items: i64::try_from(orders).unwrap() * 2,
        unique_users: 1,
    };
    AnalyticsResult::new(start(window)..start(window + 1), totals, revision).unwrap()
}
