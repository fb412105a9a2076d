//! When a payment must be looked at again, should nobody have come by then.

use super::{Payment, Status};

/// The first pause before what came to nothing is tried again.
const FIRST_PAUSE_MS: i64 = 2_000;
/// The longest pause.
const LONGEST_PAUSE_MS: i64 = 30_000;
/// The longest pause between attempts at a refund, which nobody waits for.
const LONGEST_REFUND_PAUSE_MS: i64 = 15 * 60 * 1_000;
/// How often the provider is asked whether the payer has acted.
const ASK_ACTION_MS: i64 = 5_000;

/// How going on with a payment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// All was done that could be.
    Done,
    /// Something must be tried again.
    Halted,
}

impl Payment {
    /// Whether news of it has come while its driver is at it, who may have asked before.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.attend_at_ms.is_some_and(|at_ms| at_ms < self.lease_until_ms)
    }

    /// Its driver lets go of it.
    pub fn let_go(&mut self, end: Drive, now_ms: i64) {
        let has_news = self.has_news();
        self.lease = None;
        self.lease_until_ms = 0;
        self.attempts = match end {
            Drive::Done => 0,
            Drive::Halted => self.attempts + 1,
        };
        self.plan(now_ms);
        if has_news {
            self.attend_at_ms = Some(now_ms);
        }
    }

    /// The provider has news of it: how it ends, or that what was given back did not arrive.
    pub fn look_now(&mut self, now_ms: i64) {
        if self.status.is_open() || self.status == Status::Refunded {
            self.attend_at_ms = Some(now_ms);
        }
    }

    pub(super) fn plan(&mut self, now_ms: i64) {
        let again_ms = now_ms + pause_ms(self.attempts, LONGEST_PAUSE_MS);
        let by_status = match self.status {
            Status::Processing | Status::Unknown => Some(again_ms),
            Status::RequiresAction => {
                let until_ms = self.action_until_ms.filter(|until_ms| now_ms < *until_ms);
                Some(until_ms.map_or(again_ms, |until_ms| until_ms.min(now_ms + ASK_ACTION_MS)))
            }
            Status::RefundPending => Some(now_ms + pause_ms(self.refund_attempts, LONGEST_REFUND_PAUSE_MS)),
            Status::Succeeded
            | Status::Declined
            | Status::Refused
            | Status::Refunded
            | Status::RefundFailed => None,
        };
        let owes_order = self.to_tell().is_some() || self.cancels_order;
        let by_order = owes_order.then_some(again_ms);
        self.attend_at_ms = match (by_status, by_order) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

fn pause_ms(attempts: i64, longest_ms: i64) -> i64 {
    (FIRST_PAUSE_MS << attempts.clamp(0, 20)).min(longest_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest() {
        let pauses = [0, 1, 3, 4, 60].map(|attempts| pause_ms(attempts, LONGEST_PAUSE_MS));
        assert_eq!(pauses, [2_000, 4_000, 16_000, 30_000, 30_000]);
    }
}
