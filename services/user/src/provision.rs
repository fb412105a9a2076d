//! Accounts that are not registered but given: the first admin, the user of a demo.

use service_common::auth::Role;
use service_common::database::Database;
use service_common::failure::{Code, Failure};
use service_common::ids::new_id;

use crate::account::{Account, Person};
use crate::hasher::Hasher;
use crate::sessions::{EndedSessions, SessionStore};
use crate::store::{self, Stored};

/// What was made, or found.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// The account.
    pub account: Account,
    /// What its former owner was logged in by.
    pub ended_sessions: EndedSessions,
}

/// Makes sure that there is an account of this role that this person can log in with.
///
/// An account of the same e-mail address is given the role and the password, and its sessions end: nobody has proved that
/// the address is theirs, and whoever registered it first must not become an admin. Where all is as asked for already,
/// nothing changes.
///
/// # Errors
/// The database failed.
pub async fn provision(
    database: &Database,
    kept: &dyn SessionStore,
    hasher: &Hasher,
    person: Person,
    role: Role,
) -> Result<Provisioned, Failure> {
    let found = store::by_email(database, &person.email).await?;
    if let Some(found) = &found {
        let is_right = hasher
            .verify(person.password.clone(), Some(found.password_hash.clone()))
            .await?;
        if is_right && found.account.role == role {
            return Ok(Provisioned {
                account: found.account.clone(),
                ended_sessions: EndedSessions::These(Vec::new()),
            });
        }
    }
    let password_hash = hasher.hash(person.password).await?;
    let mut transaction = database.begin().await?;
    let provisioned = match found {
        Some(found) => {
            let mut account = found.account;
            account.role = role;
            // Locks the account: a log-in that checked the old password finds the new one.
            store::grant(&mut transaction, &account.id, role, &password_hash).await?;
            let ended_sessions = kept.end_all_of(&mut transaction, &account.id).await?;
            Provisioned {
                account,
                ended_sessions,
            }
        }
        None => {
            let account = Account {
                id: new_id("usr"),
                email: person.email,
                first_name: person.first_name,
                last_name: person.last_name,
                role,
                created_at_ms: transaction.now_ms().await?,
            };
            let stored = Stored {
                account: account.clone(),
                password_hash,
            };
            if !store::insert(&mut transaction, &stored).await? {
                transaction.rollback().await?;
                return Err(Failure::new(
                    Code::Contended,
                    "somebody registered this address just now; try again",
                ));
            }
            Provisioned {
                account,
                ended_sessions: EndedSessions::These(Vec::new()),
            }
        }
    };
    transaction.commit().await?;
    Ok(provisioned)
}
