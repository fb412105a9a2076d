//! Which of two rows for one window stands.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use weir_proto::{AnalyticsResult, Timestamp};

/// Results by the start of their window: one row a window, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows(BTreeMap<Timestamp, AnalyticsResult>);

impl Rows {
    /// Takes a row in unless the one that stands is at least as good; says whether anything changed.
    ///
    /// The highest revision stands. Two rows of one revision are equal, unless something is wrong elsewhere; then
    /// the one with more orders stands, so that the outcome does not depend on the order in which writers came.
    pub(crate) fn take(&mut self, row: AnalyticsResult) -> bool {
        match self.0.entry(row.window_start()) {
            Entry::Vacant(free) => {
                free.insert(row);
                true
            }
            Entry::Occupied(mut standing) => {
                let better = rank(&row) > rank(standing.get());
                if row.revision() == standing.get().revision() && row != *standing.get() {
                    tracing::warn!(
                        window_start = %row.window_start(),
                        revision = row.revision(),
                        orders = row.order_count(),
                        orders_standing = standing.get().order_count(),
                        "one revision of a window has two different results"
                    );
                }
                if better {
                    standing.insert(row);
                }
                better
            }
        }
    }

    /// Takes in all rows; says whether anything changed.
    pub(crate) fn take_all(&mut self, rows: impl IntoIterator<Item = AnalyticsResult>) -> bool {
        let mut changed = false;
        for row in rows {
            changed |= self.take(row);
        }
        changed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn to_vec(&self) -> Vec<AnalyticsResult> {
        self.0.values().cloned().collect()
    }

    pub(crate) fn into_rows(self) -> impl Iterator<Item = AnalyticsResult> {
        self.0.into_values()
    }
}

/// A total order, so that merging is the same in whichever order rows come.
fn rank(row: &AnalyticsResult) -> impl Ord {
    (
        row.revision(),
        row.order_count(),
        row.total_revenue().minor(),
        row.total_items(),
        row.unique_users(),
        row.window_end(),
    )
}
