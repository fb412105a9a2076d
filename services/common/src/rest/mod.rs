//! REST, as the gateway speaks it to clients and each service for its own part: requests read strictly, answers, failures.
//!
//! A part of the contract is a module with two functions a call: one makes a message of a request, the other an answer of
//! what came of it. Whoever serves the call does what is between them: the gateway calls the service, a service itself.
//!
//! | module | what it is |
//! |---|---|
//! | [`Inbound`] | a request that was let in |
//! | [`answer`] | what all answers are made of |
//! | [`body`], `json`, `query`, [`headers`] | what requests hold, all their faults at once |
//! | [`products`], [`images`], [`orders`], [`documents`], [`payments`], [`analytics`] | the parts of the contract that several serve |
//! | [`Port`] | a service's own part on its own port |

pub mod analytics;
pub mod answer;
pub mod body;
pub mod documents;
pub mod headers;
pub mod images;
mod inbound;
mod json;
pub mod orders;
mod path;
pub mod payments;
mod port;
pub mod products;
mod query;

use axum::http::Method;
use axum::response::Response;

pub use inbound::Inbound;
pub use json::Fields;
pub use path::{PathId, path_id};
pub use port::{Port, Takes};
pub use query::Parameters;

use crate::failure::Failure;

/// What a handler gives.
pub type Answer = Result<Response, Failure>;

/// Whether a call that was made twice does what one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It does: it reads, it sets, or it carries an idempotency key.
    Safe,
    /// It may do it twice.
    Never,
}

impl Repeat {
    /// By HTTP, all but POST may be sent again (RFC 9110, 9.2.2); a POST with a key is done once however often it comes.
    #[must_use]
    pub fn of(method: &Method, key: Option<&str>) -> Repeat {
        match *method == Method::POST && key.is_none() {
            true => Repeat::Never,
            false => Repeat::Safe,
        }
    }
}

/// Whether this is a currency as ISO 4217 writes it.
fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// A currency as settings give it.
///
/// # Errors
/// It is none; what one looks like.
pub fn parse_currency(text: &str) -> Result<String, String> {
    match is_currency(text) {
        true => Ok(text.to_owned()),
        false => Err("a currency is three upper-case letters, such as `USD`".to_owned()),
    }
}

/// What is wrong with a text that no service could store.
fn text_fault(text: &str) -> Option<&'static str> {
    text.contains('\0').then_some("holds a NUL character")
}
