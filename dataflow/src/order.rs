//! What the windows need to know of one order.

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;

/// One valid order on its way from the source to its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which order; a second one in the same window changes nothing.
    pub order: Fingerprint,
    /// Whose order; also chooses the worker, so that users are counted once.
    pub user: Fingerprint,
    /// Start of the order's window in seconds since 1970.
    pub window: u64,
    /// Total of the order in minor units.
    pub cents: i64,
    /// Sum of the quantities.
    pub items: i64,
}
