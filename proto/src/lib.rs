//! The contracts of Weir: the order event and the analytics result, with the types they are made of.
//!
//! What comes from a topic is parsed and judged once, here. [`Money`] and [`Timestamp`] cannot be wrong: an amount is
//! never negative and never was a float, a moment is in UTC and within the years we count with. Nor can an [`Order`] or an
//! [`AnalyticsResult`]: whoever makes one, the rules of the reader judge it. Whatever the bytes, reading them does not
//! panic; it tells the field, its fault and the byte offset.

pub mod field;
pub mod headers;
pub mod json;
mod money;
pub mod order;
mod result;
mod text;
mod timestamp;

pub use field::{Fault, Field, FieldError};
pub use money::{Money, MoneyError, MoneySum};
pub use order::{Event, Item, Order, OrderError, OrderView};
pub use result::{AnalyticsResult, ResultError, ResultFault, ResultTotals};
pub use timestamp::{Timestamp, TimestampError};
