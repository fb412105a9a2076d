//! The windows that were published, and what may still become of them.

use std::collections::{BTreeMap, BTreeSet};

use weir_dataflow::changelog::Totals as WindowTotals;
use weir_dataflow::window::Rules;
use weir_proto::{AnalyticsResult, MoneySum, ResultTotals, Timestamp};

use crate::progress::{Published, PublishedTotals};

/// A window that the replay gave other totals than were published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Start of the window in seconds.
    pub(crate) window: u64,
    /// What was published.
    pub(crate) published: PublishedTotals,
    /// What the replay gives.
    pub(crate) replayed: PublishedTotals,
}

/// The published windows that may still be revised.
#[derive(Debug)]
pub(super) struct Windows {
    rules: Rules,
    /// The cut at which this run began: what is stamped before it is replay.
    begun_at: u64,
    published: BTreeMap<u64, Published>,
    /// Windows whose replay did not give what was published: never published again.
    frozen: BTreeSet<u64>,
    mismatches: Vec<Mismatch>,
    /// Windows that end at or before it (seconds) were published by runs whose progress is lost: they come to what was
    /// published bit by bit.
    rebuilt_until: u64,
    /// Windows that have come out of the replay, until the first cut after it has looked at them.
    replayed: Option<BTreeSet<u64>>,
    /// Windows that are not yet what was published.
    short: BTreeMap<u64, PublishedTotals>,
}

impl Windows {
    pub(super) fn new(
        rules: Rules,
        begun_at: u64,
        published: BTreeMap<u64, Published>,
        rebuilt_until: u64,
    ) -> Self {
        Self {
            rules,
            begun_at,
            published,
            frozen: BTreeSet::new(),
            mismatches: Vec::new(),
            rebuilt_until,
            replayed: Some(BTreeSet::new()),
            short: BTreeMap::new(),
        }
    }

    /// The last result of each, by start (seconds).
    pub(super) fn published(&self) -> &BTreeMap<u64, Published> {
        &self.published
    }

    /// Windows that end at or before it (seconds) were published by runs whose progress is lost.
    pub(super) fn rebuilt_until(&self) -> u64 {
        self.rebuilt_until
    }

    /// Replays that did not give what was published, since the last call.
    pub(super) fn take_mismatches(&mut self) -> Vec<Mismatch> {
        std::mem::take(&mut self.mismatches)
    }

    /// Forgets windows that end at or before `final_until` (seconds); whether the last one was among them.
    pub(super) fn finish(&mut self, final_until: u64) -> bool {
        let rules = self.rules;
        let finals: BTreeMap<u64, Published> = self
            .published
            .extract_if(.., |window, _| rules.end(*window) <= final_until)
            .collect();
        self.frozen.retain(|window| rules.end(*window) > final_until);
        for (window, replayed) in self
            .short
            .extract_if(.., |window, _| rules.end(*window) <= final_until)
        {
            if let Some(published) = finals.get(&window) {
                self.mismatches.push(Mismatch {
                    window,
                    published: published.totals,
                    replayed,
                });
            }
        }
        !finals.is_empty() && self.published.is_empty()
    }

    /// A window that was published must come out of the replay as it was.
    pub(super) fn compare_replay(&mut self, window: u64, replayed: WindowTotals) {
        if let Some(seen) = &mut self.replayed {
            seen.insert(window);
        }
        if let Some(published) = self.published.get(&window)
            && self.rules.end(window) <= self.begun_at
            && !self.rebuilds(window)
            && published.totals != replayed.into()
        {
            self.mismatches.push(Mismatch {
                window,
                published: published.totals,
                replayed: replayed.into(),
            });
            self.frozen.insert(window);
        }
    }

    /// At the first cut after the replay: a published window of which the replay gave nothing is a mismatch too.
    pub(super) fn miss(&mut self) {
        let Some(replayed) = self.replayed.take() else {
            return;
        };
        for (&window, published) in &self.published {
            let must_come = self.rules.end(window) <= self.begun_at && !self.rebuilds(window);
            if must_come && !replayed.contains(&window) {
                self.mismatches.push(Mismatch {
                    window,
                    published: published.totals,
                    replayed: PublishedTotals::default(),
                });
                self.frozen.insert(window);
            }
        }
    }

    /// Whether a window was published by a run whose progress is lost, so that the records it was made of may still
    /// have to be read.
    fn rebuilds(&self, window: u64) -> bool {
        self.rules.end(window) <= self.rebuilt_until
    }

    /// The result to write for a window whose totals have become `totals`, if it is news.
    pub(super) fn publish(&mut self, window: u64, totals: WindowTotals) -> Option<AnalyticsResult> {
        let revision = match self.published.get(&window) {
            None => 0,
            Some(published) => {
                if published.totals == totals.into() || self.frozen.contains(&window) {
                    self.short.remove(&window);
                    return None;
                }
                if self.rebuilds(window) && totals.orders <= published.totals.orders {
                    // The late orders of then are still to be read.
                    self.short.insert(window, totals.into());
                    return None;
                }
                if totals.orders <= published.totals.orders {
                    // Never fewer orders than before: a log that has lost some must not undo what was published.
                    self.mismatches.push(Mismatch {
                        window,
                        published: published.totals,
                        replayed: totals.into(),
                    });
                    return None;
                }
                published.revision + 1
            }
        };
        self.short.remove(&window);
        self.published.insert(
            window,
            Published {
                revision,
                totals: totals.into(),
            },
        );
        let at = |second: u64| {
            let millis = i64::try_from(second).unwrap_or(i64::MAX).saturating_mul(1_000);
            Timestamp::from_millis(millis)
                .expect("a window holds an order, so it lies within the years of event times")
        };
        let totals = ResultTotals {
            order_count: totals.orders,
            total_revenue: MoneySum::from_minor(totals.cents),
            total_items: totals.items,
            unique_users: totals.users,
        };
        let result = AnalyticsResult::new(at(window)..at(self.rules.end(window)), totals, revision);
        Some(result.expect("the totals are sums over orders, each with a user and an item or more"))
    }
}
