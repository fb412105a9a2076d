//! A payment and what may happen to it: pure, so that what is decided can be tested without a database.
//!
//! ```text
//! processing ──┬──> requires_action ──┬──> succeeded ──> refund_pending ──> refunded
//!     │        │         ^            │                    │        ^
//!     │        └──────> unknown ──────┤                    v        │ by hand
//!     v                               v                  refund_failed
//!  refused                         declined
//! ```
//!
//! A refund that the payer's bank sends back after all turns `refunded` into `refund_failed`.
//!
//! Each change is made under the lock of the payment's row. A payment never goes backwards: what it became once it stays,
//! whoever says otherwise and however late. Who goes on with it holds its [`Lease`]; one who lost it writes nothing.

mod lease;
mod plan;
mod status;
mod transitions;

pub use lease::Lease;
pub use plan::Drive;
pub use status::{Outcome, Status};

use service_common::ids::new_id;
use weir_proto::Money;

/// How many attempts at making an intent bear one key: some minutes of them.
const ATTEMPTS_BY_KEY: i64 = 8;

/// An amount of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// How much.
    pub amount: Money,
    /// ISO 4217.
    pub currency: String,
}

/// What a payment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// What is paid.
    pub order_id: String,
    /// Whose order it is.
    pub user_id: String,
    /// The order's total.
    pub price: Price,
    /// By which the provider knows what to charge.
    pub method: String,
}

/// A payment as it is stored. Moments are milliseconds since 1970 by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub(crate) id: String,
    pub(crate) purpose: Purpose,
    pub(crate) status: Status,
    /// The provider's id of it: stored before anything can be charged by it.
    pub(crate) intent_id: Option<String>,
    /// The provider's id of the charge, once there is one.
    pub(crate) charge_id: Option<String>,
    /// Where the payer goes on.
    pub(crate) next_action: Option<String>,
    /// Until when the payer may do so.
    pub(crate) action_until_ms: Option<i64>,
    /// Whether the order has acknowledged how it ended.
    pub(crate) is_told: bool,
    /// Whether its order is still to be cancelled.
    pub(crate) cancels_order: bool,
    /// How often going on with it came to nothing, since it last went on.
    pub(crate) attempts: i64,
    /// How often giving it back failed.
    pub(crate) refund_attempts: i64,
    /// Who goes on with it.
    pub(crate) lease: Option<Lease>,
    pub(crate) lease_until_ms: i64,
    /// When the sweeper looks at it next; `None`: never.
    pub(crate) attend_at_ms: Option<i64>,
    /// The idempotency key it came with.
    pub(crate) scope: Option<String>,
    pub(crate) created_at_ms: i64,
    pub(crate) updated_at_ms: i64,
}

impl Payment {
    /// A new id of a payment.
    #[must_use]
    pub fn new_id() -> String {
        new_id("pay")
    }

    /// A new payment: the promise to go on with it.
    #[must_use]
    pub fn new(id: String, purpose: Purpose, now_ms: i64) -> Payment {
        let mut payment = Payment {
            id,
            purpose,
            status: Status::Processing,
            intent_id: None,
            charge_id: None,
            next_action: None,
            action_until_ms: None,
            is_told: false,
            cancels_order: false,
            attempts: 0,
            refund_attempts: 0,
            lease: None,
            lease_until_ms: 0,
            attend_at_ms: None,
            scope: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        payment.plan(now_ms);
        payment
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// What has become of it.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether its order has acknowledged how it ended.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// The key under which the provider makes one intent of it, however often it is asked to.
    ///
    /// What it answered under a key it answers for a day, a fault of its own included. So the key is another one after some
    /// attempts that came to nothing; an intent that was made under the one before is never confirmed, and takes nothing.
    #[must_use]
    pub fn provider_key(&self) -> String {
        match self.attempts / ATTEMPTS_BY_KEY {
            0 => format!("weir-{}", self.id),
            n => format!("weir-{}-{n}", self.id),
        }
    }
}
