//! The windows, in memory.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Bound;

use weir_proto::{AnalyticsResult, MoneySum, Timestamp};

/// The highest revision of each window, of the newest windows.
#[derive(Debug)]
pub struct Windows {
    kept: BTreeMap<Timestamp, AnalyticsResult>,
    most: NonZeroUsize,
    /// The latest start of all windows that were dropped.
    dropped: Option<Timestamp>,
}

/// What became of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is what is known of its window now.
    Newest,
    /// A revision at least as high was there.
    Superseded,
    /// Its window lies before all that are kept.
    TooOld,
}

/// Which windows: those that begin at `from` or later and before `to`; `None` is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Inclusive.
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
}

/// Some windows, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// They.
    pub windows: Vec<AnalyticsResult>,
    /// The start of the last one, where more follow.
    pub next: Option<Timestamp>,
}

/// Sums over windows. The users of several windows cannot be added up: one may be in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many.
    pub windows: u64,
    /// Their orders.
    pub order_count: u64,
    /// Their revenue.
    pub total_revenue: MoneySum,
    /// Their items.
    pub total_items: i64,
}

impl Summary {
    /// The revenue for each order, rounded half-even to the cent; zero where there are no orders.
    #[must_use]
    pub fn average_order_value(&self) -> MoneySum {
        self.total_revenue.average(self.order_count)
    }
}

impl Windows {
    /// None yet, and at most this many.
    #[must_use]
    pub fn new(most: NonZeroUsize) -> Windows {
        Windows {
            kept: BTreeMap::new(),
            most,
            dropped: None,
        }
    }

    /// Takes a result in. Where there are more windows than may be kept, the oldest is dropped, and none of its time comes
    /// back: so what is kept is whole from its beginning on.
    pub fn apply(&mut self, result: AnalyticsResult) -> Applied {
        let start = result.window_start();
        if self.dropped.is_some_and(|dropped| start <= dropped) {
            return Applied::TooOld;
        }
        if let Some(known) = self.kept.get(&start)
            && known.revision() >= result.revision()
        {
            return Applied::Superseded;
        }
        self.kept.insert(start, result);
        if self.kept.len() > self.most.get()
            && let Some((oldest, _)) = self.kept.pop_first()
        {
            self.dropped = Some(oldest);
            if oldest == start {
                return Applied::TooOld;
            }
        }
        Applied::Newest
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The start of the oldest one, where older ones were dropped.
    #[must_use]
    pub fn complete_from(&self) -> Option<Timestamp> {
        self.dropped.and_then(|_| self.kept.keys().next().copied())
    }

    /// The one that begins last.
    #[must_use]
    pub fn latest(&self) -> Option<&AnalyticsResult> {
        self.kept.last_key_value().map(|(_, latest)| latest)
    }

    /// At most `limit` windows of the span that begin after `after`.
    #[must_use]
    pub fn page(&self, span: Span, after: Option<Timestamp>, limit: usize) -> Page {
        let later = self.within(span, after).take(limit.saturating_add(1));
        let mut windows: Vec<AnalyticsResult> = later.copied().collect();
        let has_more = windows.len() > limit;
        windows.truncate(limit);
        let last = windows.last().map(AnalyticsResult::window_start);
        Page {
            windows,
            next: last.filter(|_| has_more),
        }
    }

    /// The sums over the span; `None` where they are larger than can be counted with.
    #[must_use]
    pub fn summary(&self, span: Span) -> Option<Summary> {
        self.within(span, None)
            .try_fold(Summary::default(), |sum, window| {
                let (revenue, more) = (sum.total_revenue.minor(), window.total_revenue().minor());
                Some(Summary {
                    windows: sum.windows + 1,
                    order_count: sum.order_count.checked_add(window.order_count())?,
                    total_revenue: MoneySum::from_minor(revenue.checked_add(more)?),
                    total_items: sum.total_items.checked_add(window.total_items())?,
                })
            })
    }

    fn within(&self, span: Span, after: Option<Timestamp>) -> impl Iterator<Item = &AnalyticsResult> {
        let from = span.from.map_or(Bound::Unbounded, Bound::Included);
        let lower = match (after, span.from) {
            (Some(after), Some(from)) if after < from => Bound::Included(from),
            (Some(after), _) => Bound::Excluded(after),
            (None, _) => from,
        };
        let upper = span.to.map_or(Bound::Unbounded, Bound::Excluded);
        // A range that ends before it begins would be a panic.
        let is_empty = match (lower, span.to) {
            (Bound::Included(first), Some(to)) => to <= first,
            (Bound::Excluded(before), Some(to)) => to <= before,
            _ => false,
        };
        let range = (!is_empty).then(|| self.kept.range((lower, upper)));
        range.into_iter().flatten().map(|(_, window)| window)
    }
}
