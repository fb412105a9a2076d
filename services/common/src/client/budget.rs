//! How many calls may be repeated: one in ten, so that a service in trouble is not given three times the work.

use std::sync::atomic::{AtomicU32, Ordering};

/// What a repetition costs.
const PRICE: u32 = 10;
/// What a call earns.
const WAGE: u32 = 1;
/// The most that is kept: ten repetitions.
const LARGEST: u32 = 100;

/// Earned by calls, spent on repetitions.
#[derive(Debug)]
pub(super) struct Budget(AtomicU32);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(LARGEST))
    }
}

impl Budget {
    /// A call is made.
    pub(super) fn earn(&self) {
        let earned = |kept: u32| (kept < LARGEST).then(|| (kept + WAGE).min(LARGEST));
        // Fails where it is full.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, earned);
    }

    /// Whether there is enough for a repetition, which is then paid.
    pub(super) fn spend(&self) -> bool {
        let paid = |kept: u32| kept.checked_sub(PRICE);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_all_fails_one_call_in_ten_is_repeated() {
        let budget = Budget::default();
        while budget.spend() {}
        let repeated = (0..1_000)
            .filter(|_| {
                budget.earn();
                budget.spend()
            })
            .count();
        assert_eq!(repeated, 100);
    }

    #[test]
    fn no_more_than_ten_repetitions_are_saved_up() {
        let budget = Budget::default();
        (0..10_000).for_each(|_| budget.earn());
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 10);
    }
}
