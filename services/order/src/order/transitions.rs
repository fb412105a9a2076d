//! What may happen to an order, and what follows from it.

use weir_proto::Money;

use super::{CancelReason, Due, Order, State};

/// How long after a payment began its outcome is asked for, in case it gets lost on its way.
const ASK_PAYMENT_MS: i64 = 3_000;

/// How long the first attempt at what is due has before the sweeper makes another.
const FIRST_ATTEMPT_MS: i64 = 2_000;

/// The longest pause between attempts at what is due.
const LONGEST_PAUSE_MS: i64 = 30_000;

/// An event that tells of a change, by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was taken.
    Created,
    /// It was paid.
    Paid,
    /// It was called off.
    Cancelled,
    /// It could not be paid.
    Failed,
}

impl Change {
    /// The `event_type`.
    #[must_use]
    pub const fn event_type(self) -> &'static str {
        match self {
            Change::Created => "order.created",
            Change::Paid => "order.paid",
            Change::Cancelled => "order.cancelled",
            Change::Failed => "order.failed",
        }
    }
}

/// What came of asking for its stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stock {
    /// Set aside, at these prices a line.
    Reserved {
        /// The price of one, for each line.
        prices: Vec<Money>,
        /// Of all lines.
        total: Money,
        /// Of the prices.
        currency: String,
    },
    /// There is none for it.
    Refused,
}

/// Whether a payment may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The order waits for this payment.
    Yes,
    /// The order is gone, or paid by another payment, or of another amount.
    No,
}

impl Order {
    /// Its stock was asked for. `None` where the order has ended meanwhile, or was taken before: nothing has changed.
    pub fn stock_answered(&mut self, stock: &Stock, now_ms: i64) -> Option<Option<Change>> {
        if self.state != State::Pending {
            return None;
        }
        let change = match stock {
            Stock::Reserved {
                prices,
                total,
                currency,
            } => {
                for (line, price) in self.lines.iter_mut().zip(prices) {
                    line.unit_price = Some(*price);
                }
                self.total = Some(*total);
                self.currency.clone_from(currency);
                self.state = State::Reserved;
                self.created_at_ms = Some(now_ms);
                if self.method.is_some() {
                    self.dues.insert(Due::Pay);
                }
                Some(self.emit(Change::Created, now_ms))
            }
            Stock::Refused => {
                self.state = State::Failed;
                self.touch(now_ms);
                // An answer that was lost may have set something aside.
                self.dues.insert(Due::Release);
                None
            }
        };
        self.plan(now_ms);
        Some(change)
    }

    /// Its user calls it off, or an admin does.
    pub fn cancel(&mut self, now_ms: i64) -> Option<Change> {
        let change = match self.state {
            State::Pending | State::Reserved => {
                self.cancel_reason = Some(CancelReason::Client);
                self.end(State::Cancelled, now_ms)
            }
            State::Paying => {
                self.cancel_requested = true;
                self.cancel_reason = Some(CancelReason::Client);
                self.touch(now_ms);
                None
            }
            State::Paid | State::Confirmed => {
                self.cancel_reason = Some(CancelReason::Client);
                let change = self.end(State::Cancelled, now_ms);
                self.dues.insert(Due::Refund);
                change
            }
            State::Cancelled | State::Failed => return None,
        };
        self.plan(now_ms);
        change
    }

    /// Its time is up, if it is.
    pub fn expire(&mut self, now_ms: i64) -> Option<Change> {
        let waits = matches!(self.state, State::Pending | State::Reserved);
        if !waits || now_ms < self.until_ms {
            return None;
        }
        self.cancel_reason = Some(CancelReason::Expired);
        let change = self.end(State::Cancelled, now_ms);
        self.plan(now_ms);
        change
    }

    /// A payment wants to take this amount for it.
    pub fn begin_payment(&mut self, payment_id: &str, amount: Money, currency: &str, now_ms: i64) -> Begun {
        if self.state == State::Paying && self.payment_id.as_deref() == Some(payment_id) {
            return Begun::Yes;
        }
        if self.state != State::Reserved || self.total != Some(amount) || self.currency != currency {
            return Begun::No;
        }
        self.state = State::Paying;
        self.payment_id = Some(payment_id.to_owned());
        self.touch(now_ms);
        self.plan(now_ms);
        Begun::Yes
    }

    /// A payment has ended; after a decline there are `unpaid_ms` for another one. One that is not, or no longer, the order's is nothing to it.
    pub fn payment_settled(
        &mut self,
        payment_id: &str,
        has_succeeded: bool,
        now_ms: i64,
        unpaid_ms: i64,
    ) -> Option<Change> {
        if self.payment_id.as_deref() != Some(payment_id) {
            return None;
        }
        let change = match (self.state, has_succeeded) {
            (State::Paying, true) if self.cancel_requested => {
                let change = self.end(State::Cancelled, now_ms);
                self.dues.insert(Due::Refund);
                change
            }
            (State::Paying, true) => {
                self.state = State::Paid;
                self.dues.insert(Due::Sell);
                Some(self.emit(Change::Paid, now_ms))
            }
            (State::Paying, false) if self.cancel_requested => self.end(State::Cancelled, now_ms),
            (State::Paying, false) if self.method.is_some() => self.end(State::Failed, now_ms),
            (State::Paying, false) => {
                self.state = State::Reserved;
                self.payment_id = None;
                self.until_ms = now_ms + unpaid_ms;
                self.touch(now_ms);
                None
            }
            (State::Cancelled | State::Failed, true) => {
                self.dues.insert(Due::Refund);
                self.touch(now_ms);
                None
            }
            _ => return None,
        };
        if has_succeeded {
            self.paid_at_ms = self.paid_at_ms.or(Some(now_ms));
        }
        self.plan(now_ms);
        change
    }

    /// Something that was due is done.
    pub fn done(&mut self, due: Due, now_ms: i64) {
        self.dues.remove(due);
        self.attempts = 0;
        if due == Due::Sell && self.state == State::Paid {
            self.state = State::Confirmed;
        }
        self.touch(now_ms);
        self.plan(now_ms);
    }

    /// Somebody is at taking it, for as long as the lease.
    pub fn hold(&mut self, now_ms: i64, lease_ms: i64) {
        self.lease_until_ms = now_ms + lease_ms;
        self.plan(now_ms);
    }

    /// There is nothing to be done for it now.
    pub fn look_later(&mut self, now_ms: i64) {
        self.plan(now_ms);
    }

    /// What was due could not be done, or could not be found out: later again.
    pub fn postpone(&mut self, now_ms: i64) {
        let pause_ms = (FIRST_ATTEMPT_MS << self.attempts.clamp(0, 10)).min(LONGEST_PAUSE_MS);
        self.attempts += 1;
        self.attend_at_ms = Some(now_ms + pause_ms);
    }

    /// Ends it. An order that was never taken ends without an event.
    fn end(&mut self, state: State, now_ms: i64) -> Option<Change> {
        let was_taken = self.state != State::Pending;
        self.state = state;
        if state == State::Cancelled {
            self.cancelled_at_ms = Some(now_ms);
        }
        self.dues.remove(Due::Sell);
        self.dues.remove(Due::Pay);
        self.dues.insert(Due::Release);
        if !was_taken {
            self.touch(now_ms);
            return None;
        }
        let change = match state {
            State::Cancelled => Change::Cancelled,
            _ => Change::Failed,
        };
        Some(self.emit(change, now_ms))
    }

    fn emit(&mut self, change: Change, now_ms: i64) -> Change {
        self.version += 1;
        self.touch(now_ms);
        change
    }

    /// Each change has a moment of its own, later than the one before, whatever the clock did: events wait in its sequence.
    fn touch(&mut self, now_ms: i64) {
        self.updated_at_ms = now_ms.max(self.updated_at_ms + 1);
    }

    /// When the sweeper must look at it, should nobody else have come by then.
    pub(super) fn plan(&mut self, now_ms: i64) {
        let by_state = match self.state {
            State::Pending => Some(self.lease_until_ms.min(self.until_ms)),
            State::Reserved => Some(self.until_ms),
            State::Paying => Some(now_ms + ASK_PAYMENT_MS),
            State::Paid | State::Confirmed | State::Cancelled | State::Failed => None,
        };
        let by_dues = (!self.dues.is_empty()).then_some(now_ms + FIRST_ATTEMPT_MS);
        self.attend_at_ms = match (by_state, by_dues) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}
