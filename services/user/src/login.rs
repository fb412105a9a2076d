//! Logging in, staying so, and logging out.

use service_common::auth::Caller;
use service_common::failure::{Code, Failure};
use service_common::ids::new_id;
use service_common::secret::SecretText;

use crate::account::{Account, Email, Password};
use crate::sessions::{RefreshToken, Session, Shown, after};
use crate::store;
use crate::users::Users;

/// What somebody who is logged in shows from then on.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// To every port, until it runs out.
    pub access: SecretText,
    /// To [`Users::refresh`], once.
    pub refresh: SecretText,
    /// How long the access token is good for, in seconds.
    pub expires_in_s: u32,
}

impl Users {
    /// Begins a session. Whether there is no such account or its password is another takes as long to say, and is not said.
    ///
    /// # Errors
    /// `wrong_credentials`, or `overloaded`.
    pub async fn authenticate(
        &self,
        email: &Email,
        password: Password,
    ) -> Result<(Account, Tokens), Failure> {
        let answer = self.log_in(email, password).await;
        self.shared.metrics.login(match &answer {
            Ok(_) => "succeeded",
            Err(failure) => failure.code.as_str(),
        });
        answer
    }

    async fn log_in(&self, email: &Email, password: Password) -> Result<(Account, Tokens), Failure> {
        let shared = &self.shared;
        let found = store::by_email(&shared.database, email).await?;
        let hash = found.as_ref().map(|found| found.password_hash.clone());
        let is_right = shared.hasher.verify(password, hash.clone()).await?;
        let Some(found) = found.filter(|_| is_right) else {
            return Err(wrong_credentials());
        };
        let mut transaction = shared.database.begin().await?;
        // The password may have been changed while it was checked: sessions that the change ended must not come back.
        let locked = store::lock(&mut transaction, &found.account.id).await?;
        let Some(locked) = locked.filter(|locked| Some(&locked.password_hash) == hash.as_ref()) else {
            transaction.rollback().await?;
            return Err(wrong_credentials());
        };
        let now_ms = transaction.now_ms().await?;
        let id = new_id("ses");
        let refresh = RefreshToken::first_of(&id, &shared.refresh_secret)?;
        let session = Session {
            id,
            user_id: locked.account.id.clone(),
            current: refresh.digest(),
            previous: None,
            rotated_at_ms: now_ms,
            expires_at_ms: after(now_ms, shared.rules.session_for),
        };
        shared.kept.begin(&mut transaction, &session).await?;
        transaction.commit().await?;
        let tokens = self.tokens(&locked.account, &session.id, &refresh)?;
        Ok((locked.account, tokens))
    }

    /// Exchanges a refresh token for its successor. The token before is answered with the same successor for a moment, as an
    /// answer may get lost; any older one ends the session, as somebody has a copy.
    ///
    /// # Errors
    /// `unauthenticated` where the token is not good, or not any more.
    pub async fn refresh(&self, token: &str) -> Result<Tokens, Failure> {
        let shared = &self.shared;
        let token = RefreshToken::read(token, &shared.refresh_secret).ok_or_else(not_good)?;
        let successor = token.successor(&shared.refresh_secret);
        let session = loop {
            let found = shared.kept.get(token.session()).await?;
            let (mut session, now_ms) = found.ok_or_else(not_good)?;
            match session.shown(&token.digest(), now_ms, shared.rules.refresh_grace) {
                Shown::Current => {
                    session.rotate(successor.digest(), now_ms, shared.rules.session_for);
                    // Where another call exchanged it meanwhile, it is looked at again: this is a repetition then.
                    if shared.kept.rotate(&token.digest(), &session).await? {
                        break session;
                    }
                }
                Shown::Repeated => break session,
                Shown::Expired => return Err(not_good()),
                Shown::Reused => {
                    shared.kept.end(&session.id).await?;
                    shared.sessions.forget(&session.id).await;
                    tracing::warn!(
                        session = session.id,
                        user = session.user_id,
                        "a refresh token was shown again; its session has ended"
                    );
                    return Err(not_good());
                }
            }
        };
        let account = store::get(&shared.database, &session.user_id).await?;
        let account = account.ok_or_else(not_good)?;
        self.tokens(&account, &session.id, &successor)
    }

    /// Ends the caller's session. One that has ended stays so.
    ///
    /// # Errors
    /// `forbidden` for a service, which has none.
    pub async fn log_out(&self, caller: &Caller) -> Result<(), Failure> {
        let Caller::User { session, .. } = caller else {
            return Err(Failure::new(Code::Forbidden, "only users can do this"));
        };
        self.shared.kept.end(session).await?;
        self.shared.sessions.forget(session).await;
        Ok(())
    }

    fn tokens(&self, account: &Account, session: &str, refresh: &RefreshToken) -> Result<Tokens, Failure> {
        let caller = Caller::User {
            id: account.id.clone(),
            role: account.role,
            session: session.to_owned(),
        };
        let good_for = self.shared.rules.access_token_for;
        let access = self
            .shared
            .key
            .issue(&caller, good_for)
            .map_err(Failure::internal)?;
        Ok(Tokens {
            access: SecretText::from(access),
            refresh: SecretText::from(refresh.reveal().to_owned()),
            expires_in_s: u32::try_from(good_for.as_secs()).unwrap_or(u32::MAX),
        })
    }
}

fn wrong_credentials() -> Failure {
    Failure::new(
        Code::WrongCredentials,
        "e-mail address and password do not belong together",
    )
}

fn not_good() -> Failure {
    Failure::new(
        Code::Unauthenticated,
        "the refresh token is not good, or not any more; log in again",
    )
}
