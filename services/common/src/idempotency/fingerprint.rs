//! What tells one request from another without keeping it: bodies hold passwords.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;
use ring::hmac;

/// The secret that fingerprints are made with; the same for all instances of a service, and over restarts.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// A text that is too short to be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shorter than 16 characters")]
pub struct SecretError;

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Secret, SecretError> {
        if text.len() < 16 {
            return Err(SecretError);
        }
        Ok(Secret(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

/// An HMAC of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a message, which must not hold the key itself.
    #[must_use]
    pub fn of<T: Message>(secret: &Secret, message: &T) -> Fingerprint {
        let tag = hmac::sign(&secret.0, &message.encode_to_vec());
        Fingerprint(URL_SAFE_NO_PAD.encode(tag))
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
