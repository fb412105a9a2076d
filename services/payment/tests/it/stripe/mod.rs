//! Stripe: its client, payments by it, and its webhooks.

#[cfg(feature = "stripe")]
mod mock;
#[cfg(feature = "stripe")]
mod payments;
#[cfg(feature = "stripe")]
pub(crate) mod stand_in;
pub(crate) mod webhooks;
