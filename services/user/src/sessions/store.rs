//! Where sessions are kept: in the service's database, or in DynamoDB.

use std::future::Future;
use std::pin::Pin;

use service_common::database::Transaction;
use service_common::failure::Failure;

use super::Session;

/// What is asked of a store.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// Which sessions have just ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedSessions {
    /// These.
    These(Vec<String>),
    /// All of a user; which ones they were is not known.
    Unknown,
}

/// Keeps sessions. What has run out or was ended is not there, whether or not it was forgotten yet.
pub trait SessionStore: Send + Sync {
    /// Stores a new session. `account` holds the lock of its account, so that no other call ends all its sessions meanwhile; a
    /// store in the same database writes in it.
    fn begin<'a>(&'a self, account: &'a mut Transaction, session: &'a Session) -> Answer<'a, ()>;

    /// A session, and the moment of asking in milliseconds since 1970.
    fn get<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(Session, i64)>>;

    /// Stores a session whose refresh token was exchanged; false where the one that was good is not this any more, and nothing
    /// was changed.
    fn rotate<'a>(&'a self, was_current: &'a str, session: &'a Session) -> Answer<'a, bool>;

    /// Ends a session. One that has ended stays so.
    fn end<'a>(&'a self, id: &'a str) -> Answer<'a, ()>;

    /// Ends all sessions of a user; `account` as with [`begin`](SessionStore::begin).
    fn end_all_of<'a>(&'a self, account: &'a mut Transaction, user_id: &'a str) -> Answer<'a, EndedSessions>;

    /// Which of these sessions have neither been ended nor run out.
    fn standing<'a>(&'a self, ids: &'a [&'a str]) -> Answer<'a, Vec<String>>;

    /// Forgets the sessions that have run out; gives how many.
    fn sweep(&self) -> Answer<'_, u64>;
}
