//! What tells one request from another without keeping it: bodies hold passwords.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;

use crate::secret::MacKey;

/// An HMAC of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a message, which must not hold the key itself.
    #[must_use]
    pub fn of<T: Message>(secret: &MacKey, message: &T) -> Fingerprint {
        Fingerprint(URL_SAFE_NO_PAD.encode(secret.sign(&message.encode_to_vec())))
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
