//! The topics by the names that the job gives them by default.

/// Orders in.
pub(crate) const ORDERS: &str = "orders";
/// Windows out.
pub(crate) const RESULTS: &str = "analytics-results";
/// What is no valid order.
pub(crate) const DLQ: &str = "orders-dlq";
/// What came too late for its window.
pub(crate) const LATE: &str = "orders-late";
/// What users are to be told.
pub(crate) const NOTIFICATIONS: &str = "notifications";
