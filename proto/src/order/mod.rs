//! The order event: topic `orders`, key = order id, value JSON.

mod fast;
mod general;
mod owned;
mod write;

use std::borrow::Cow;

pub use owned::{Item, Order};
pub use write::OrderWriter;

use self::general::Outcome;
use crate::field::{Fault, Field};
use crate::{Money, Timestamp};

/// The event type that is counted; an event without a type is one.
pub const CREATED: &str = "order.created";

/// The most items (sum of quantities) of one order.
///
/// A window counts its items in 64 bits: with this limit no number of orders that a topic can bear overflows it, so
/// no single hostile order can break the window of all others.
pub const MAX_ITEMS: i64 = i32::MAX as i64;

/// Why a value is no order event: field, fault and byte offset.
pub type OrderError = crate::FieldError;

/// An event of the topic `orders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An order was created.
    Created(OrderView<'a>),
    /// An event of another type: well-formed JSON of which only the type was judged.
    Ignored,
}

/// What the windows need of an order, borrowed from its JSON; owned only where an id was written with escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView<'a> {
    /// The id of the order: 1 to 256 bytes.
    pub order_id: Cow<'a, str>,
    /// Who ordered: 1 to 256 bytes.
    pub user_id: Cow<'a, str>,
    /// Three upper-case letters; whether it is the currency wanted is for the reader to say.
    pub currency: Cow<'a, str>,
    /// Where the currency stands: bytes of the value before it, for [`OrderView::other_currency`].
    pub currency_offset: usize,
    /// The amount of the order as its sender states it.
    ///
    /// It is not compared with the items: discounts, shipping and taxes stand between the two.
    pub total_amount: Money,
    /// The sum of the quantities, 1 to [`MAX_ITEMS`].
    pub total_items: i64,
    /// Event time, the years 1970 to 9998.
    pub created_at: Timestamp,
}

impl OrderView<'_> {
    /// The error of this order where only the currency `wanted` is summed.
    #[must_use]
    #[cold]
    pub fn other_currency(&self, wanted: &str) -> OrderError {
        OrderError {
            field: Field::Named("currency"),
            fault: Fault::OtherCurrency {
                found: self.currency.clone().into_owned(),
                wanted: wanted.to_owned(),
            },
            offset: self.currency_offset,
        }
    }
}

/// Reads an event without copying it.
///
/// An order in the layout of [`OrderWriter`], or in that layout with a blank after each comma and colon, is read several
/// times as fast as one that is written in another way.
///
/// # Errors
/// What is not JSON, lacks a field, or has one outside its rule; see the README of this crate for each rule.
pub fn read(value: &[u8]) -> Result<Event<'_>, OrderError> {
    match fast::read(value) {
        Some(order) => Ok(Event::Created(order)),
        None => match general::read(value, |_| {}) {
            Ok(Outcome::Order(order)) => Ok(Event::Created(order)),
            Ok(Outcome::OtherType { .. }) => Ok(Event::Ignored),
            Err(error) => Err(*error),
        },
    }
}
