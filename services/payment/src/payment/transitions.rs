//! What may happen to a payment.

use super::{Outcome, Payment, Status};
use crate::provider::IntentState;

impl Payment {
    /// The order does not want it. Nothing was charged, and the order need not be told what it said itself.
    pub fn refuse(&mut self, now_ms: i64) {
        if self.status == Status::Processing {
            self.is_told = true;
            self.enter(Status::Refused, now_ms);
        }
    }

    /// The provider knows it by this id; nothing is charged yet.
    pub fn intent_made(&mut self, intent_id: &str, now_ms: i64) {
        self.intent_id = Some(intent_id.to_owned());
        self.touch(now_ms);
    }

    /// The provider does not take it on.
    pub fn decline(&mut self, now_ms: i64) {
        if self.status.is_open() {
            self.enter(Status::Declined, now_ms);
        }
    }

    /// The provider was told to charge and did not answer.
    pub fn outcome_unknown(&mut self, now_ms: i64) {
        if self.status == Status::Processing {
            self.enter(Status::Unknown, now_ms);
        }
    }

    /// The provider says how it stands. One that has ended is not changed by what comes late.
    pub fn settle(&mut self, state: &IntentState, action_ms: i64, now_ms: i64) {
        if !self.status.is_open() {
            return;
        }
        match state {
            IntentState::Charged { charge_id } | IntentState::Refunded { charge_id } => {
                self.charge_id = Some(charge_id.clone());
                self.enter(Status::Succeeded, now_ms);
            }
            IntentState::Declined | IntentState::Cancelled => self.enter(Status::Declined, now_ms),
            IntentState::RequiresAction { next_action } => {
                if self.status == Status::RequiresAction {
                    return;
                }
                self.next_action = Some(next_action.clone());
                self.action_until_ms = Some(now_ms + action_ms);
                self.enter(Status::RequiresAction, now_ms);
            }
            IntentState::Created | IntentState::Processing => {}
        }
    }

    /// Whether the payer has let the time for the action go by.
    #[must_use]
    pub fn is_past_action(&self, now_ms: i64) -> bool {
        self.status == Status::RequiresAction
            && self.action_until_ms.is_some_and(|until_ms| until_ms <= now_ms)
    }

    /// What the order is still to be told.
    #[must_use]
    pub fn to_tell(&self) -> Option<Outcome> {
        self.status.outcome().filter(|_| !self.is_told)
    }

    /// The order knows how it ended.
    pub fn told(&mut self, now_ms: i64) {
        self.is_told = true;
        self.touch(now_ms);
    }

    /// The order is off. Whether giving the money back is promised: only where it was taken.
    pub fn request_refund(&mut self, now_ms: i64) -> bool {
        if self.status == Status::Succeeded {
            self.refund_attempts = 0;
            self.enter(Status::RefundPending, now_ms);
            self.plan(now_ms);
        }
        matches!(
            self.status,
            Status::RefundPending | Status::Refunded | Status::RefundFailed
        )
    }

    /// Somebody wants it given back, and its order cancelled. Whether that is promised, or done; one that failed before is
    /// tried again.
    pub fn refund_by_hand(&mut self, now_ms: i64) -> bool {
        if matches!(self.status, Status::Succeeded | Status::RefundFailed) {
            self.refund_attempts = 0;
            self.cancels_order = true;
            self.enter(Status::RefundPending, now_ms);
            self.plan(now_ms);
        }
        matches!(self.status, Status::RefundPending | Status::Refunded)
    }

    /// The order has been cancelled, or is not there to be.
    pub fn order_cancelled(&mut self, now_ms: i64) {
        self.cancels_order = false;
        self.touch(now_ms);
    }

    /// The money is back.
    pub fn refunded(&mut self, now_ms: i64) {
        if self.status == Status::RefundPending {
            self.enter(Status::Refunded, now_ms);
        }
    }

    /// It could not be given back. After the last attempt it has failed.
    pub fn refund_missed(&mut self, most_attempts: i64, now_ms: i64) {
        if self.status != Status::RefundPending {
            return;
        }
        self.refund_attempts += 1;
        if self.refund_attempts >= most_attempts {
            self.enter(Status::RefundFailed, now_ms);
        }
    }

    /// What was given back has come back: the payer's bank did not take it.
    pub fn refund_returned(&mut self, now_ms: i64) {
        if self.status == Status::Refunded {
            self.enter(Status::RefundFailed, now_ms);
        }
    }

    fn enter(&mut self, status: Status, now_ms: i64) {
        self.status = status;
        self.touch(now_ms);
    }

    /// Each change has a moment of its own, later than the one before, whatever the clock did.
    fn touch(&mut self, now_ms: i64) {
        self.updated_at_ms = now_ms.max(self.updated_at_ms + 1);
    }
}

#[cfg(test)]
mod tests {
    use weir_proto::Money;

    use super::*;
    use crate::payment::{Drive, Price, Purpose};

    const ACTION_MS: i64 = 60_000;

    fn payment() -> Payment {
        let purpose = Purpose {
            order_id: "ord_1".to_owned(),
            user_id: "usr_1".to_owned(),
            price: Price {
                amount: Money::from_minor(1_000).unwrap(),
                currency: "USD".to_owned(),
            },
            method: "tok_success".to_owned(),
        };
        Payment::new("pay_1".to_owned(), purpose, 0)
    }

    fn in_status(status: Status) -> Payment {
        Payment { status, ..payment() }
    }

    fn states() -> [IntentState; 7] {
        let charge_id = || "ch_1".to_owned();
        [
            IntentState::Created,
            IntentState::Processing,
            IntentState::RequiresAction {
                next_action: "http://localhost/act".to_owned(),
            },
            IntentState::Charged {
                charge_id: charge_id(),
            },
            IntentState::Declined,
            IntentState::Cancelled,
            IntentState::Refunded {
                charge_id: charge_id(),
            },
        ]
    }

    #[test]
    fn a_payment_that_has_ended_is_not_changed_by_what_the_provider_says_late() {
        for status in Status::ALL.iter().filter(|status| !status.is_open()) {
            for state in states() {
                let mut payment = in_status(*status);
                payment.settle(&state, ACTION_MS, 5);
                payment.decline(5);
                payment.outcome_unknown(5);
                assert_eq!(payment, in_status(*status), "{status:?} {state:?}");
            }
        }
    }

    #[test]
    fn an_open_payment_becomes_what_the_provider_says() {
        for from in [Status::Processing, Status::Unknown, Status::RequiresAction] {
            let expected = [
                from,
                from,
                Status::RequiresAction,
                Status::Succeeded,
                Status::Declined,
                Status::Declined,
                Status::Succeeded,
            ];
            for (state, expected) in states().into_iter().zip(expected) {
                let mut payment = in_status(from);
                payment.settle(&state, ACTION_MS, 5);
                assert_eq!(payment.status, expected, "{from:?} {state:?}");
            }
        }
    }

    #[test]
    fn asking_again_does_not_give_the_payer_more_time() {
        let mut payment = payment();
        let [_, _, action, ..] = states();
        payment.settle(&action, ACTION_MS, 5);
        payment.settle(&action, ACTION_MS, 30_000);
        assert!(!payment.is_past_action(ACTION_MS + 4));
        assert!(payment.is_past_action(ACTION_MS + 5));
    }

    #[test]
    fn a_refund_is_promised_only_where_the_money_was_taken() {
        for status in Status::ALL {
            let promised = in_status(*status).request_refund(5);
            assert_eq!(promised, status.outcome() == Some(Outcome::Charged), "{status:?}");
        }
        let mut payment = in_status(Status::Refunded);
        assert!(payment.request_refund(5));
        assert_eq!(payment.status, Status::Refunded);
    }

    #[test]
    fn a_refund_that_failed_is_tried_again_by_hand_only() {
        let mut payment = in_status(Status::RefundPending);
        payment.refund_missed(2, 5);
        assert_eq!(payment.status, Status::RefundPending);
        payment.refund_missed(2, 6);
        assert_eq!(payment.status, Status::RefundFailed);
        payment.request_refund(7);
        assert_eq!(payment.status, Status::RefundFailed);
        assert!(payment.refund_by_hand(8));
        assert_eq!(
            (payment.status, payment.refund_attempts),
            (Status::RefundPending, 0)
        );
    }

    #[test]
    fn a_refund_that_comes_back_has_failed_and_may_be_made_again() {
        for status in Status::ALL {
            let mut payment = in_status(*status);
            payment.refund_returned(5);
            match status {
                Status::Refunded => assert_eq!(payment.status, Status::RefundFailed),
                _ => assert_eq!(payment, in_status(*status)),
            }
        }
        let mut payment = in_status(Status::Refunded);
        payment.refund_returned(5);
        assert!(payment.refund_by_hand(6));
        assert_eq!(payment.status, Status::RefundPending);
    }

    #[test]
    fn news_is_looked_at_only_where_it_may_change_something() {
        for status in Status::ALL {
            let mut payment = in_status(*status);
            payment.attend_at_ms = None;
            payment.look_now(5);
            let may_change = status.is_open() || *status == Status::Refunded;
            assert_eq!(payment.attend_at_ms, may_change.then_some(5), "{status:?}");
        }
    }

    #[test]
    fn news_that_comes_while_somebody_drives_is_looked_at_when_it_lets_go() {
        for has_news in [true, false] {
            let mut payment = Payment {
                is_told: true,
                ..in_status(Status::Refunded)
            };
            payment.take_lease(0, 100).unwrap();
            if has_news {
                payment.look_now(50);
            }
            payment.let_go(Drive::Done, 60);
            assert_eq!(payment.attend_at_ms, has_news.then_some(60));
            // Looked at once.
            payment.take_lease(70, 100).unwrap();
            payment.let_go(Drive::Done, 80);
            assert_eq!(payment.attend_at_ms, None);
        }
    }

    #[test]
    fn the_provider_s_key_is_another_one_after_some_attempts() {
        let key_after = |attempts| {
            Payment {
                attempts,
                ..payment()
            }
            .provider_key()
        };
        assert_eq!([0, 7].map(key_after), ["weir-pay_1"; 2]);
        assert_eq!([8, 15].map(key_after), ["weir-pay_1-1"; 2]);
        assert_eq!(key_after(16), "weir-pay_1-2");
    }

    #[test]
    fn a_lease_is_another_s_only_when_it_has_run_out() {
        let mut payment = payment();
        let first = payment.take_lease(0, 100).unwrap();
        assert_eq!(payment.take_lease(99, 100), None);
        assert!(payment.is_held_by(&first));
        let second = payment.take_lease(100, 100).unwrap();
        assert!(payment.is_held_by(&second) && !payment.is_held_by(&first));
        payment.let_go(Drive::Done, 101);
        assert!(!payment.is_held_by(&second));
        assert!(payment.take_lease(101, 100).is_some());
    }

    #[test]
    fn nobody_looks_again_at_a_payment_of_which_nothing_is_owed() {
        for status in Status::ALL {
            let mut payment = in_status(*status);
            payment.is_told = !status.is_open();
            payment.let_go(Drive::Done, 10);
            let goes_on = status.is_open() || *status == Status::RefundPending;
            assert_eq!(payment.attend_at_ms.is_some(), goes_on, "{status:?}");
            payment.cancels_order = true;
            payment.let_go(Drive::Done, 10);
            assert!(payment.attend_at_ms.is_some());
        }
    }
}
