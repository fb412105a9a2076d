//! Windows as messages of the contract.

use service_common::failure::Failure;
use service_common::moment;
use weir_proto::{AnalyticsResult, Timestamp};
use weir_rpc::analytics::v1 as rpc;

use crate::windows::{Page, Summary};

/// A window as it is answered.
pub(crate) fn window(result: &AnalyticsResult) -> rpc::Window {
    rpc::Window {
        window_start: Some(moment::message(result.window_start().millis())),
        window_end: Some(moment::message(result.window_end().millis())),
        // A result's counts are at most 2^63 - 1.
        order_count: result.order_count().cast_signed(),
        total_revenue: result.total_revenue().to_string(),
        total_items: result.total_items(),
        unique_users: result.unique_users().cast_signed(),
        average_order_value: result.average_order_value().to_string(),
        revision: result.revision(),
    }
}

/// A page as it is answered.
pub(crate) fn page(page: &Page) -> rpc::ListWindowsResponse {
    rpc::ListWindowsResponse {
        windows: page.windows.iter().map(window).collect(),
        next_cursor: page
            .next
            .map_or_else(String::new, |next| next.millis().to_string()),
    }
}

/// Sums as they are answered.
pub(crate) fn summary(summary: &Summary, complete_from: Option<Timestamp>) -> Result<rpc::Summary, Failure> {
    let count = |count: u64| i64::try_from(count).map_err(|_| too_large());
    Ok(rpc::Summary {
        windows: count(summary.windows)?,
        order_count: count(summary.order_count)?,
        total_revenue: summary.total_revenue.to_string(),
        total_items: summary.total_items,
        average_order_value: summary.average_order_value().to_string(),
        complete_from: complete_from.map(Timestamp::millis).map(moment::message),
    })
}

/// The sums of these results are beyond all orders that there can be.
pub(crate) fn too_large() -> Failure {
    Failure::internal("the sums of the windows are larger than can be told")
}
