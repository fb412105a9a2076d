//! What the drill of a lost region measured.

use std::collections::BTreeSet;
use std::time::Duration;

/// What the drill measured.
#[derive(Debug, Default)]
pub struct Report {
    /// Orders that were acknowledged before the loss.
    pub acknowledged: usize,
    /// Of these, orders that the promoted database does not know.
    pub lost: usize,
    /// How long before the loss the first of them was acknowledged.
    pub lost_for: Duration,
    /// Payments that were told as made before the loss and that the promoted database does not know.
    pub lost_payments: usize,
    /// Cancellations of orders likewise, where the order is not lost.
    pub lost_cancellations: usize,
    /// Answers that were stored before the loss and that the promoted database had to give anew.
    pub answered_anew: usize,
    /// Orders that count in two windows: the promoted database knew that they were asked for, and took them anew.
    pub taken_twice: usize,
    /// Events of the mirrored topic that tell of orders what the promoted database does not know of them.
    pub ahead: usize,
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
             mirrored but not kept {} {:?}; of orders that are kept: payments lost {}, cancellations lost {}, events of more than \
             is kept {}, answers given anew {}, orders taken in two windows {}; RTO: orders after {:.1} s, windows after {:.1} s",
            self.acknowledged,
            self.lost,
            self.lost_for.as_secs_f64(),
            self.not_mirrored,
            self.not_mirrored_for.as_secs_f64(),
            self.unknown.len(),
            self.unknown,
            self.lost_payments,
            self.lost_cancellations,
            self.ahead,
            self.answered_anew,
            self.taken_twice,
            self.orders_again.as_secs_f64(),
            self.windows_again.as_secs_f64(),
        )
    }
}
