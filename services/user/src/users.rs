//! The core of the service: what is done with accounts and sessions, whoever asks for it.

use std::sync::Arc;

use service_common::auth::{Caller, JwkSet, Role, Sessions, SigningKey};
use service_common::database::Database;
use service_common::failure::{Code, Failure};
use service_common::ids::is_id;
use service_common::metrics::Metrics;
use service_common::outbox::Outbox;
use service_common::secret::MacKey;

use crate::account::{Account, Person};
use crate::hasher::Hasher;
use crate::options::Rules;
use crate::provision::provision;
use crate::sessions::{EndedSessions, SessionStore};
use crate::store;

/// All users. Cheap to clone.
#[derive(Clone)]
pub struct Users {
    pub(crate) shared: Arc<Needs>,
}

/// What users need.
pub struct Needs {
    /// With the schema [`store::STEPS`].
    pub database: Database,
    /// Of that database.
    pub outbox: Outbox,
    /// For passwords.
    pub hasher: Hasher,
    /// For access tokens.
    pub key: Arc<SigningKey>,
    /// What access tokens are verified with: that key, and those before it.
    pub public_keys: JwkSet,
    /// For refresh tokens.
    pub refresh_secret: MacKey,
    /// For fingerprints of requests.
    pub idempotency_secret: MacKey,
    /// Where sessions are kept.
    pub kept: Arc<dyn SessionStore>,
    /// What this service's guard remembers of sessions.
    pub sessions: Sessions,
    /// How long things are good for.
    pub rules: Rules,
    /// Where notifications go.
    pub topic: String,
    /// Of this service.
    pub metrics: Metrics,
}

impl Users {
    /// Over this database.
    #[must_use]
    pub fn new(needs: Needs) -> Users {
        Users {
            shared: Arc::new(needs),
        }
    }

    /// An account, where the caller may see it; an empty id is the caller's own.
    ///
    /// # Errors
    /// `not_found` where there is none, or it is another's.
    pub async fn get(&self, caller: &Caller, id: &str) -> Result<Account, Failure> {
        let id = match id {
            "" => caller.user_id()?,
            id => id,
        };
        let found = match is_id(id) && caller.may_see(id) {
            true => store::get(&self.shared.database, id).await?,
            false => None,
        };
        found.ok_or_else(|| Failure::new(Code::NotFound, "there is no such user"))
    }

    /// Makes sure that there is an account of this role that this person can log in with; see [`provision`].
    ///
    /// # Errors
    /// The database failed.
    pub async fn provision(&self, person: Person, role: Role) -> Result<Account, Failure> {
        let shared = &self.shared;
        let provisioned = provision(&shared.database, &*shared.kept, &shared.hasher, person, role).await?;
        match &provisioned.ended_sessions {
            EndedSessions::These(ended) => {
                for session in ended {
                    shared.sessions.forget(session).await;
                }
            }
            EndedSessions::Unknown => shared.sessions.forget_all(),
        }
        Ok(provisioned.account)
    }
}
