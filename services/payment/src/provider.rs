//! The payment provider, as payments see it: an outside party that knows intents.
//!
//! An intent takes its amount at most once, however often it is confirmed. So a payment confirms no intent but the one whose
//! id it has stored. Another one may be made by an answer that was lost, should the provider have forgotten its key: it is
//! never confirmed, and takes nothing. What is not known is asked for.

use std::future::Future;
use std::pin::Pin;

use crate::payment::Price;

/// An answer of the provider on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// Why the provider did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It answered that it will not. Nothing was changed, and asking again gives the same.
    #[error("the provider refuses: {0}")]
    Refused(String),
    /// It was not reached, or is too busy: nothing was changed, and asking again may help.
    #[error("the provider is away: {0}")]
    Away(String),
    /// It did not answer: it may have done it, now or in a while.
    #[error("the provider did not answer: {0}")]
    Unknown(String),
}

/// How an intent stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntentState {
    /// It was made, and not confirmed.
    Created,
    /// The provider is at it.
    Processing,
    /// The payer must do something.
    RequiresAction {
        /// Where.
        next_action: String,
    },
    /// The money was taken.
    Charged {
        /// The provider's id of the charge.
        charge_id: String,
    },
    /// It was not, and will not be.
    Declined,
    /// It was called off before anything was taken.
    Cancelled,
    /// The money was taken and given back.
    Refunded {
        /// The provider's id of the charge.
        charge_id: String,
    },
}

/// What the provider makes of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The provider's id of it.
    pub id: String,
    /// How it stands.
    pub state: IntentState,
}

/// A payment provider.
pub trait Provider: Send + Sync {
    /// Makes an intent, which takes nothing yet; under the same key the same one.
    fn create<'a>(&'a self, key: &'a str, price: &'a Price) -> Answer<'a, Intent>;
    /// How an intent stands.
    fn get<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent>;
    /// Has the amount taken by a method, unless the intent is past that: then tells how it stands.
    fn confirm<'a>(&'a self, intent_id: &'a str, method: &'a str) -> Answer<'a, Intent>;
    /// Calls it off, unless the amount was taken or declined: then tells how it stands.
    fn cancel<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent>;
    /// Gives the whole amount back, once.
    fn refund<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent>;
}
