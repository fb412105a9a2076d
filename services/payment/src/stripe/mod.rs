//! Stripe: payments as its payment intents, and its webhooks.
//!
//! An intent is made unconfirmed under a key, its id is stored, and only then it is confirmed; so whatever is lost on the
//! way, Stripe can be asked. A webhook is believed for one thing only: that an intent has moved. How it stands is asked for,
//! so events may come late, twice and in any order.

mod event;
#[cfg(feature = "stripe")]
mod intents;
mod options;
#[cfg(feature = "stripe")]
mod provider;
mod signature;

pub use event::{Event, EventError};
#[cfg(feature = "stripe")]
pub use options::StripeError;
pub use options::StripeOptions;
#[cfg(feature = "stripe")]
pub use provider::Stripe;
pub use signature::{Keys, SignatureError};
