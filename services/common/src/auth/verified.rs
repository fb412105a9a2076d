//! Tokens that were verified a moment ago: checking a signature costs more than most calls do otherwise.

use std::time::Duration;

use moka::future::Cache;
use ring::digest;

use super::caller::Caller;
use super::token::{Read, TokenError, Verifier};

/// How long a signature is not checked again: as long as a key that was taken back may be believed anyway.
const BELIEVED: Duration = Duration::from_secs(60);
/// The most tokens that are remembered.
const REMEMBERED: u64 = 10_000;

/// Remembers who calls with which token, by a digest: the token itself is nowhere kept.
#[derive(Clone)]
pub(super) struct Verified {
    known: Cache<[u8; digest::SHA256_OUTPUT_LEN], Read>,
}

impl Default for Verified {
    fn default() -> Self {
        Verified {
            known: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(BELIEVED)
                .build(),
        }
    }
}

impl Verified {
    /// Who calls with this token. Only good ones are remembered, and none beyond its time.
    ///
    /// # Errors
    /// It is not valid, or not any more.
    pub(super) async fn caller(&self, token: &str, verifier: &Verifier) -> Result<Caller, TokenError> {
        let mut name = [0; digest::SHA256_OUTPUT_LEN];
        name.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        if let Some(read) = self.known.get(&name).await
            && read.is_good()
        {
            return Ok(read.caller);
        }
        let read = verifier.read(token)?;
        self.known.insert(name, read.clone()).await;
        Ok(read.caller)
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::Role;
    use super::super::keys::{SigningKey, VerifyingKeys};
    use super::*;

    fn user() -> Caller {
        Caller::User {
            id: "usr_1".to_owned(),
            role: Role::Customer,
            session: "ses_1".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_good_token_is_remembered_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let verifier = Verifier::new(VerifyingKeys::of(&key.public()).unwrap());
        let nobody = Verifier::new(VerifyingKeys::default());
        let verified = Verified::default();
        let token = key.issue(&user(), Duration::from_secs(60)).unwrap();
        assert_eq!(verified.caller(&token, &nobody).await, Err(TokenError::Invalid));
        assert_eq!(verified.caller(&token, &verifier).await, Ok(user()));
        assert_eq!(
            verified.caller(&token, &nobody).await,
            Ok(user()),
            "not checked again"
        );
        let (signed, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", "A".repeat(86));
        assert_eq!(
            verified.caller(&forged, &verifier).await,
            Err(TokenError::Invalid)
        );
    }

    #[tokio::test]
    async fn a_token_is_not_remembered_beyond_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let verifier = Verifier::new(VerifyingKeys::of(&key.public()).unwrap());
        let nobody = Verifier::new(VerifyingKeys::default());
        let verified = Verified::default();
        // Good by the leeway between two clocks, and run out by this one.
        let token = key.issue(&user(), Duration::ZERO).unwrap();
        assert_eq!(verified.caller(&token, &verifier).await, Ok(user()));
        assert_eq!(verified.caller(&token, &nobody).await, Err(TokenError::Invalid));
    }
}
