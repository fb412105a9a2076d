//! Who sends which message, and whether it was sent: claims with a lease.
//!
//! A message is claimed, sent, and marked. Whoever dies in between leaves a claim behind, which another takes over once the
//! lease has run out: nothing is lost, and what was sent just before may be sent once more, which is counted.

mod database;
#[cfg(feature = "dynamodb")]
mod dynamo;
mod place;

use std::time::Duration;

pub use database::{DatabaseClaims, OWNER, STEPS};
#[cfg(feature = "dynamodb")]
pub use dynamo::DynamoClaims;
pub use place::{ClaimsUrl, ClaimsUrlError};

use crate::trouble::Work;

/// How long claims last.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long whoever claimed a message has to send it; longer than that takes.
    pub lease: Duration,
    /// How long is known what was sent: longer than a topic keeps its records.
    pub kept_for: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            lease: Duration::from_secs(60),
            kept_for: Duration::from_secs(30 * 86_400),
        }
    }
}

/// What became of the attempt to claim a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours to send.
    Ours {
        /// Somebody may have sent it and not lived to say so.
        may_repeat: bool,
    },
    /// It was sent.
    Sent,
    /// Somebody is about to send it.
    Taken,
}

/// What was sent, and what is being sent. The message to a recipient of an event is named by both.
pub trait Claims: Send + Sync {
    /// Claims a message.
    fn claim<'a>(&'a self, event_id: &'a str, recipient: &'a str) -> Work<'a, Claim>;

    /// It was sent, or will never have to be.
    fn mark<'a>(&'a self, event_id: &'a str, recipient: &'a str) -> Work<'a, ()>;

    /// It could not be sent: the next attempt need not wait for the lease. `certainly_not`: nobody has got it; otherwise the
    /// next one may be a repetition.
    fn release<'a>(&'a self, event_id: &'a str, recipient: &'a str, certainly_not: bool) -> Work<'a, ()>;

    /// Notes the version of a subject's event that is about to be told; false where a newer one was before.
    fn advance<'a>(&'a self, subject: &'a str, version: i64) -> Work<'a, bool>;

    /// Whether it answers.
    fn ping(&self) -> Work<'_, ()>;

    /// Forgets what was kept long enough; gives how much.
    fn sweep(&self) -> Work<'_, u64>;
}

/// A moment that long after another, in milliseconds.
fn after(now_ms: i64, delay: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}
