//! An order and what may happen to it: pure, so that what is decided can be tested without a database.
//!
//! ```text
//! pending ──> reserved ──> paying ──> paid ──> confirmed
//!    │           │  ^         │         │          │
//!    │           │  └declined─┤         │          │
//!    v           v            v         v          v
//!  failed     cancelled   cancelled, cancelled  cancelled
//!                           failed
//! ```
//!
//! Each change is made under the lock of the order's row, and stored together with the event that tells of it and with what
//! is to be done next ([`Due`]). What is due is done by whoever comes first, and every step of it may be done again.

mod due;
mod state;
mod transitions;

pub use due::{Due, Dues};
pub use state::{CancelReason, State};
pub use transitions::{Begun, Change, Stock};

use service_common::ids::new_id;
use weir_proto::Money;

/// How long an order waits for its payment.
pub const EXPIRY_MS: i64 = 15 * 60 * 1_000;

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The product.
    pub product_id: String,
    /// How many of it, at least 1.
    pub quantity: u32,
    /// The price of one when its stock was set aside; `None` before.
    pub unit_price: Option<Money>,
}

/// Where an order is sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Address {
    /// Who receives it.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// What else helps to find it; may be empty.
    pub line2: String,
    /// The town.
    pub city: String,
    /// As the country writes it.
    pub postal_code: String,
    /// ISO 3166-1, two letters.
    pub country: String,
}

/// An order as it is stored. Moments are milliseconds since 1970 by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) state: State,
    /// Raised with every event.
    pub(crate) version: i64,
    pub(crate) lines: Vec<Line>,
    pub(crate) currency: String,
    pub(crate) total: Option<Money>,
    pub(crate) address: Address,
    /// The payment method it brought along.
    pub(crate) method: Option<String>,
    /// The id of the payment by that method: chosen once, so that asking again makes no second one.
    pub(crate) own_payment_id: String,
    /// The payment that it is or was paid by.
    pub(crate) payment_id: Option<String>,
    /// When it expires unless it is paid.
    pub(crate) until_ms: i64,
    /// Until when somebody is at taking it.
    pub(crate) lease_until_ms: i64,
    /// A cancel waits for the payment to be settled.
    pub(crate) cancel_requested: bool,
    pub(crate) cancel_reason: Option<CancelReason>,
    pub(crate) cancelled_at_ms: Option<i64>,
    /// When it was taken; `None` before.
    pub(crate) created_at_ms: Option<i64>,
    /// When it was paid; `None` before. It stays when the money is given back.
    pub(crate) paid_at_ms: Option<i64>,
    pub(crate) updated_at_ms: i64,
    /// The idempotency key it came with.
    pub(crate) scope: Option<String>,
    pub(crate) dues: Dues,
    /// How often what is due was tried in vain.
    pub(crate) attempts: i64,
    /// When the sweeper looks at it next; `None`: never.
    pub(crate) attend_at_ms: Option<i64>,
}

/// How long an order may take over its steps, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whoever begins to take it has so long before another may go on with it.
    pub lease_ms: i64,
    /// It expires so long after it was last to be paid.
    pub unpaid_ms: i64,
}

impl Order {
    /// An id for a new order.
    #[must_use]
    pub fn new_id() -> String {
        new_id("ord")
    }

    /// A new order, pending, of which nothing is known but what its user wants.
    #[must_use]
    pub fn new(id: String, user_id: &str, wanted: Wanted, now_ms: i64, terms: Terms) -> Order {
        let mut order = Order {
            id,
            user_id: user_id.to_owned(),
            state: State::Pending,
            version: 0,
            lines: wanted.lines,
            currency: "USD".to_owned(),
            total: None,
            address: wanted.address,
            method: wanted.method,
            own_payment_id: new_id("pay"),
            payment_id: None,
            until_ms: now_ms + terms.unpaid_ms,
            lease_until_ms: now_ms + terms.lease_ms,
            cancel_requested: false,
            cancel_reason: None,
            cancelled_at_ms: None,
            created_at_ms: None,
            paid_at_ms: None,
            updated_at_ms: now_ms,
            scope: None,
            dues: Dues::default(),
            attempts: 0,
            attend_at_ms: None,
        };
        order.plan(now_ms);
        order
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose it is.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Each product that was ordered, and how many of it.
    #[must_use]
    pub fn items(&self) -> Vec<(&str, u32)> {
        let items = self.lines.iter();
        items
            .map(|line| (line.product_id.as_str(), line.quantity))
            .collect()
    }

    /// The id of the payment by the method it brought along.
    #[must_use]
    pub fn own_payment_id(&self) -> &str {
        &self.own_payment_id
    }

    /// What state it is in.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }
}

/// What a user wants to order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// 1 to 100.
    pub lines: Vec<Line>,
    /// Where to.
    pub address: Address,
    /// How it is to be paid, where the client does not do that itself.
    pub method: Option<String>,
}
