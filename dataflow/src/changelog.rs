//! The differential collection of windows and its changelog.

use differential_dataflow::VecCollection;
use differential_dataflow::collection::AsCollection;
use differential_dataflow::operators::CountTotal;
use serde::{Deserialize, Serialize};
use timely::dataflow::StreamVec;

/// The totals of a window as a difference: orders, minor units, items, users.
///
/// A tuple, because differential dataflow adds tuples of up to four integers component by component.
pub type Difference = (i64, i128, i64, i64);

/// One difference on its way to the collection: window start, time, how the totals change.
pub type Update = (u64, u64, Difference);

/// The totals of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Distinct orders.
    pub orders: u64,
    /// Revenue in minor units.
    pub cents: i128,
    /// Sum of quantities.
    pub items: i64,
    /// Distinct users.
    pub users: u64,
}

impl From<Difference> for Totals {
    /// A row of the changelog always is a sum of whole windows, never negative.
    fn from((orders, cents, items, users): Difference) -> Self {
        Self {
            orders: orders.max(0) as u64,
            cents,
            items,
            users: users.max(0) as u64,
        }
    }
}

/// Sums the differences of every window over all workers and gives the changelog of the result: the first totals
/// of a window as one row in; for late orders the old row out and the new row in; for a window that became final
/// its row out, which is no result.
///
/// Times are those of the differences. A window's row lives on the worker that its start hashes to.
///
/// # Examples
/// ```
/// use timely::dataflow::operators::{Capture, vec::ToStream, capture::Extract};
/// use weir_dataflow::changelog::changelog;
///
/// let rows = timely::example(|scope| {
///     let parts = vec![(60, 0, (2, 300, 3, 1)), (60, 0, (1, 50, 1, 1))].to_stream(scope);
///     changelog(parts).inner.capture()
/// });
/// let rows: Vec<_> = rows.extract().into_iter().flat_map(|(_, rows)| rows).collect();
/// assert_eq!(rows, [((60, (3, 350, 4, 2)), 0, 1)]);
/// ```
pub fn changelog<'scope>(
    updates: StreamVec<'scope, u64, Update>,
) -> VecCollection<'scope, u64, (u64, Difference), isize> {
    updates.as_collection().count_total()
}
