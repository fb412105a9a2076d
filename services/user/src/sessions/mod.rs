//! Sessions: each begins with a log-in, goes on by refresh tokens, and ends when its owner logs out, when it is not used for
//! long, or when a refresh token turns up that was exchanged before: then somebody has a copy.
//!
//! Nothing that would let anybody in is stored: of a refresh token its digest, of its successor the digest too, as the
//! successor follows from the token itself.

mod check;
mod database;
#[cfg(feature = "dynamodb")]
mod dynamo;
mod store;
mod token;

use std::time::Duration;

pub use check::LocalSessions;
pub use database::DatabaseSessions;
#[cfg(feature = "dynamodb")]
pub use dynamo::DynamoSessions;
pub use store::{Answer, EndedSessions, SessionStore};
pub use token::RefreshToken;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `ses_...`
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// The digest of the refresh token that is good now.
    pub current: String,
    /// Of the one before.
    pub previous: Option<String>,
    /// When the current one was given, in milliseconds since 1970.
    pub rotated_at_ms: i64,
    /// When it ends if it is not used.
    pub expires_at_ms: i64,
}

/// What a refresh token that was shown turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The one that is good now: it is exchanged.
    Current,
    /// The one before, so shortly after its exchange that the answer may have been lost: it is answered once more.
    Repeated,
    /// One that was exchanged, and should be nobody's any more.
    Reused,
    /// Of a session that has ended by itself.
    Expired,
}

impl Session {
    /// What a token of this session is that was shown now.
    #[must_use]
    pub fn shown(&self, digest: &str, now_ms: i64, grace: Duration) -> Shown {
        let since_ms = u128::try_from(now_ms - self.rotated_at_ms).unwrap_or(0);
        if now_ms >= self.expires_at_ms {
            Shown::Expired
        } else if digest == self.current {
            Shown::Current
        } else if self.previous.as_deref() == Some(digest) && since_ms < grace.as_millis() {
            Shown::Repeated
        } else {
            Shown::Reused
        }
    }

    /// The current token is exchanged for another.
    pub fn rotate(&mut self, successor: String, now_ms: i64, good_for: Duration) {
        self.previous = Some(std::mem::replace(&mut self.current, successor));
        self.rotated_at_ms = now_ms;
        self.expires_at_ms = after(now_ms, good_for);
    }
}

/// A moment that long after another, in milliseconds.
pub(crate) fn after(now_ms: i64, delay: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);
    const DAY: Duration = Duration::from_secs(86_400);

    fn session() -> Session {
        let mut session = Session {
            id: "ses_1".to_owned(),
            user_id: "usr_1".to_owned(),
            current: "first".to_owned(),
            previous: None,
            rotated_at_ms: 0,
            expires_at_ms: 1_000,
        };
        session.rotate("second".to_owned(), 500, DAY);
        session
    }

    #[test]
    fn the_token_before_is_answered_again_for_as_long_as_the_grace() {
        let session = session();
        assert_eq!(session.shown("second", 500, GRACE), Shown::Current);
        assert_eq!(session.shown("first", 500, GRACE), Shown::Repeated);
        assert_eq!(session.shown("first", 10_499, GRACE), Shown::Repeated);
        assert_eq!(session.shown("first", 10_500, GRACE), Shown::Reused);
        assert_eq!(session.shown("first", 500, Duration::ZERO), Shown::Reused);
    }

    #[test]
    fn an_older_token_is_never_answered_again() {
        let mut session = session();
        session.rotate("third".to_owned(), 501, DAY);
        assert_eq!(session.shown("first", 502, GRACE), Shown::Reused);
        assert_eq!(session.shown("second", 502, GRACE), Shown::Repeated);
    }

    #[test]
    fn a_session_goes_on_with_each_exchange_and_ends_without() {
        let session = session();
        assert_eq!(session.shown("second", 86_400_499, GRACE), Shown::Current);
        assert_eq!(session.shown("second", 86_400_500, GRACE), Shown::Expired);
        assert_eq!(session.shown("first", 86_400_500, GRACE), Shown::Expired);
    }
}
