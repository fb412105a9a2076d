//! A request as handlers see it.

use axum::body::Bytes;

use super::path::PathId;
use super::{Fields, Parameters, Repeat, json, query};
use crate::auth::Caller;
use crate::failure::{Code, Failure};

/// A request that its route has let in.
pub struct Inbound {
    /// `None` where the route is open to all.
    pub caller: Option<Caller>,
    /// What its path names.
    pub id: PathId,
    /// Behind the `?`.
    pub query: String,
    /// What the client has of it already: the tags of `If-None-Match`.
    pub known: Vec<String>,
    /// What it saw last of a stream.
    pub last_event_id: Option<String>,
    /// What a webhook is signed with.
    pub signature: Option<String>,
    /// Its idempotency key.
    pub key: Option<String>,
    /// Empty where the route takes none.
    pub body: Bytes,
    /// Whether its calls may be repeated.
    pub repeat: Repeat,
}

impl Inbound {
    /// Reads the body.
    ///
    /// # Errors
    /// `malformed_request` where it is no JSON object, `invalid_request` with every field that is wrong.
    pub fn json<T>(&self, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Failure> {
        json::read(&self.body, read)
    }

    /// Reads the query.
    ///
    /// # Errors
    /// `invalid_request` with every parameter that is wrong.
    pub fn parameters<T>(&self, read: impl FnOnce(&mut Parameters) -> T) -> Result<T, Failure> {
        query::read(&self.query, read)
    }

    /// A message with the caller beside it, for a service in the same process: as its guard hands on a call.
    #[must_use]
    pub fn with<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        if let Some(caller) = &self.caller {
            request.extensions_mut().insert(caller.clone());
        }
        request
    }

    /// Refuses a request that names another user than its token.
    ///
    /// # Errors
    /// `user_mismatch`.
    pub fn is_of(&self, user_id: Option<&str>) -> Result<(), Failure> {
        let caller = match &self.caller {
            Some(Caller::User { id, .. }) => Some(id.as_str()),
            Some(Caller::Service { .. }) | None => None,
        };
        match user_id.is_none_or(|named| Some(named) == caller) {
            true => Ok(()),
            false => Err(Failure::new(
                Code::UserMismatch,
                "`user_id` is not the user of the token",
            )),
        }
    }
}
