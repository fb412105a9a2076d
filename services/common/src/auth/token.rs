//! Access tokens: made by the user service, read by all.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

use super::caller::{Caller, Role};
use super::keys::{SigningKey, VerifyingKeys};

/// Who makes tokens, and for whom.
const ISSUER: &str = "weir";

/// How far two machines' clocks may differ.
const LEEWAY_S: u64 = 2;

/// A token is not one that was made here, or not good any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not signed by a key that is known, or not a token at all.
    #[error("the token is not valid")]
    Invalid,
    /// Good once.
    #[error("the token has expired")]
    Expired,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    sub: String,
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    iat: u64,
    exp: u64,
}

/// The role of a service's token.
const SERVICE: &str = "service";

impl SigningKey {
    /// A token that says who calls, good for this long.
    ///
    /// # Errors
    /// The key cannot sign: a fault of ours.
    pub fn issue(&self, caller: &Caller, good_for: Duration) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = since_1970().as_secs();
        let (sub, role, sid) = match caller {
            Caller::User { id, role, session } => (id, role.as_str(), Some(session.clone())),
            Caller::Service { name } => (name, SERVICE, None),
        };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: sub.clone(),
            role: role.to_owned(),
            sid,
            iat,
            exp: iat + good_for.as_secs(),
        };
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, &claims, &self.encoding)
    }
}

/// Reads tokens.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: VerifyingKeys,
    validation: Validation,
}

impl Verifier {
    /// One that believes these keys.
    #[must_use]
    pub fn new(keys: VerifyingKeys) -> Verifier {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_S;
        validation.set_issuer(&[ISSUER]);
        validation.required_spec_claims = HashSet::from(["exp", "iss", "sub"].map(str::to_owned));
        Verifier { keys, validation }
    }

    /// Whether there is a key to verify with.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Who calls with this token. Whether the session still stands is not asked here.
    ///
    /// # Errors
    /// It is not valid, or not any more.
    pub fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        self.read(token).map(|read| read.caller)
    }

    /// The same, and until when the token is good.
    pub(super) fn read(&self, token: &str) -> Result<Read, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = header
            .kid
            .and_then(|kid| self.keys.get(&kid))
            .ok_or(TokenError::Invalid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &self.validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Invalid,
            })?
            .claims;
        let caller = match (claims.role.as_str(), claims.sid) {
            (SERVICE, None) => Caller::Service { name: claims.sub },
            (role, Some(session)) => Caller::User {
                id: claims.sub,
                role: Role::parse(role).ok_or(TokenError::Invalid)?,
                session,
            },
            _ => return Err(TokenError::Invalid),
        };
        Ok(Read {
            caller,
            expires_s: claims.exp,
        })
    }
}

/// What a good token said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) caller: Caller,
    /// Seconds since 1970.
    expires_s: u64,
}

impl Read {
    /// Whether the token has not run out since it was read.
    pub(super) fn is_good(&self) -> bool {
        since_1970().as_secs() < self.expires_s
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn key() -> (tempfile::TempDir, SigningKey) {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        (folder, key)
    }

    fn verifier(key: &SigningKey) -> Verifier {
        Verifier::new(VerifyingKeys::of(&key.public()).unwrap())
    }

    fn user() -> Caller {
        Caller::User {
            id: "usr_1".to_owned(),
            role: Role::Customer,
            session: "ses_1".to_owned(),
        }
    }

    #[test]
    fn a_token_says_who_calls() {
        let (_folder, key) = key();
        let service = Caller::Service {
            name: "order-service".to_owned(),
        };
        for caller in [user(), service] {
            let token = key.issue(&caller, Duration::from_secs(60)).unwrap();
            assert_eq!(verifier(&key).verify(&token), Ok(caller));
        }
    }

    #[test]
    fn a_token_of_another_key_or_that_was_changed_is_not_valid() {
        let (_folder, key) = key();
        let (_other_folder, other) = self::key();
        let token = key.issue(&user(), Duration::from_secs(60)).unwrap();
        assert_eq!(verifier(&other).verify(&token), Err(TokenError::Invalid));
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("{token}")
        };
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let admin = URL_SAFE_NO_PAD.encode(claims.replace("customer", "admin"));
        assert_eq!(
            verifier(&key).verify(&format!("{header}.{admin}.{signature}")),
            Err(TokenError::Invalid)
        );
        assert_eq!(verifier(&key).verify("a.b.c"), Err(TokenError::Invalid));
    }

    #[test]
    fn a_token_cannot_choose_its_algorithm() {
        let (_folder, key) = key();
        let token = key.issue(&user(), Duration::from_secs(60)).unwrap();
        let claims = token.split('.').nth(1).unwrap();
        for alg in ["none", "HS256", "RS256", "ES256"] {
            let header = format!(r#"{{"typ":"JWT","alg":"{alg}","kid":"{}"}}"#, key.kid);
            let header = URL_SAFE_NO_PAD.encode(header);
            for signature in ["", "AAAA"] {
                let forged = format!("{header}.{claims}.{signature}");
                assert_eq!(verifier(&key).verify(&forged), Err(TokenError::Invalid), "{alg}");
            }
        }
    }

    #[test]
    fn a_token_runs_out() {
        let (_folder, key) = key();
        let mut claims = Claims {
            iss: ISSUER.to_owned(),
            sub: "usr_1".to_owned(),
            role: "customer".to_owned(),
            sid: Some("ses_1".to_owned()),
            iat: 0,
            exp: since_1970().as_secs() - LEEWAY_S - 1,
        };
        let header = Header {
            kid: Some(key.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding).unwrap();
        assert_eq!(verifier(&key).verify(&token), Err(TokenError::Expired));
        claims.exp += 60;
        claims.iss = "another".to_owned();
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding).unwrap();
        assert_eq!(verifier(&key).verify(&token), Err(TokenError::Invalid));
    }
}
