//! Registering: account, welcome and kept answer become true in one transaction.

use std::time::Duration;

use service_common::auth::Role;
use service_common::failure::{Code, Failure};
use service_common::idempotency::{self, Claim, Fingerprint, Scope};
use service_common::ids::new_id;
use service_common::outbox;
use weir_rpc::user::v1::UserResponse;

use crate::account::{Account, Person};
use crate::message;
use crate::store::{self, Stored};
use crate::users::Users;
use crate::welcome::welcome;

/// A claim never outlives the transaction that it is made in, so nobody ever waits for it to run out.
const LEASE: Duration = Duration::ZERO;

impl Users {
    /// Makes an account. With a key it is made once, and the answer kept: also that the address is taken.
    ///
    /// # Errors
    /// `email_taken`, `overloaded`, or that the key came with another request.
    pub async fn register(
        &self,
        person: Person,
        key: Option<(Scope, Fingerprint)>,
    ) -> Result<UserResponse, Failure> {
        let shared = &self.shared;
        let password_hash = shared.hasher.hash(person.password).await?;
        let id = new_id("usr");
        let mut transaction = match &key {
            None => shared.database.begin().await?,
            Some((scope, fingerprint)) => {
                match idempotency::claim(&shared.database, scope, fingerprint, &id, LEASE).await? {
                    (transaction, Claim::First(_) | Claim::Resumed(_)) => transaction,
                    (transaction, Claim::Answered(answer)) => {
                        transaction.rollback().await?;
                        shared.metrics.replayed("CreateUser");
                        return idempotency::decode(&answer);
                    }
                }
            }
        };
        let account = Account {
            id,
            email: person.email,
            first_name: person.first_name,
            last_name: person.last_name,
            role: Role::Customer,
            created_at_ms: transaction.now_ms().await?,
        };
        let stored = Stored {
            account,
            password_hash,
        };
        let is_new = store::insert(&mut transaction, &stored).await?;
        let answer = match is_new {
            true => {
                let event = welcome(&shared.topic, &stored.account)?;
                outbox::append(&event).execute(&mut transaction).await?;
                Ok(message::user(&stored.account))
            }
            false => Err(Failure::new(
                Code::EmailTaken,
                "there is an account of this e-mail address",
            )),
        };
        if let Some((scope, _)) = &key {
            idempotency::keep(scope, &idempotency::encode(&answer))
                .execute(&mut transaction)
                .await?;
        }
        transaction.commit().await?;
        if is_new {
            shared.outbox.wake();
        }
        answer
    }
}
