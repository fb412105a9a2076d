//! What may be gone at the next attempt.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Something that is needed does not answer, or not now: to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct Trouble {
    /// What is needed, for metrics.
    pub what: &'static str,
    reason: String,
}

impl Trouble {
    /// With its reason, for the log: no address of a user may stand in it.
    #[must_use]
    pub fn new(what: &'static str, reason: impl fmt::Display) -> Trouble {
        Trouble {
            what,
            reason: reason.to_string(),
        }
    }
}

/// What is asked of somebody else.
pub type Work<'a, T, E = Trouble> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;
