//! Texts that must not be shown.

use std::fmt;
use std::str::FromStr;

use ring::hmac;

/// A token or password from the configuration. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for SecretText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

/// The shortest text that a [`MacKey`] is made of, in bytes.
const SHORTEST_KEY: usize = 16;

/// A secret that messages are authenticated with (HMAC-SHA-256, RFC 2104), from the configuration; the same for all
/// instances of a service, and over restarts.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

/// A text that is too short to be a secret. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("shorter than {SHORTEST_KEY} characters")]
pub struct TooShort;

impl MacKey {
    /// The tag of a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, message)
    }

    /// Whether this is the tag of a message, in a time that does not tell how much of it is right.
    #[must_use]
    pub fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl FromStr for MacKey {
    type Err = TooShort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.len() < SHORTEST_KEY {
            true => Err(TooShort),
            false => Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()))),
        }
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}
