//! Whether an event is from Stripe, by the header `Stripe-Signature`:
//! <https://docs.stripe.com/webhooks#verify-manually>.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::hmac;
use service_common::secret::SecretText;

/// Why an event is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No secret is configured, so no event can be believed.
    #[error("webhooks are not set up here")]
    NoKey,
    /// The header is missing, or is none.
    #[error("the header Stripe-Signature is missing or malformed")]
    Malformed,
    /// It was signed with none of the secrets, or is another body than the one that was signed.
    #[error("the signature is not of this body")]
    Wrong,
    /// It was signed at another time: somebody may be sending an old event again.
    #[error("the signature is too old, or of the future")]
    Stale,
}

/// The secrets that events are signed with, and how old a signature may be.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    secrets: Vec<SecretText>,
    tolerance: Duration,
}

impl Keys {
    /// Any of these secrets is good: while one is replaced there are two.
    #[must_use]
    pub fn new(secrets: Vec<SecretText>, tolerance: Duration) -> Keys {
        Keys { secrets, tolerance }
    }

    /// Whether the body was signed with one of the secrets, not long before or after `now`. The body must be the one that
    /// came, byte by byte.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(&self, payload: &[u8], header: &str, now: SystemTime) -> Result<(), SignatureError> {
        if self.secrets.is_empty() {
            return Err(SignatureError::NoKey);
        }
        let header = Header::parse(header).ok_or(SignatureError::Malformed)?;
        let signed = [header.timestamp.as_bytes(), b".", payload].concat();
        let is_by = |secret: &SecretText| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
            let mut signatures = header.signatures.iter();
            signatures.any(|signature| hmac::verify(&key, &signed, signature).is_ok())
        };
        if !self.secrets.iter().any(is_by) {
            return Err(SignatureError::Wrong);
        }
        let at: u64 = header.timestamp.parse().map_err(|_| SignatureError::Malformed)?;
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        match now.abs_diff(at) <= self.tolerance.as_secs() {
            true => Ok(()),
            false => Err(SignatureError::Stale),
        }
    }
}

/// `t=1492774577,v1=5257a8...`; there are several `v1` while Stripe replaces a secret, and other schemes beside them.
struct Header<'a> {
    /// As it was signed: text.
    timestamp: &'a str,
    signatures: Vec<Vec<u8>>,
}

impl Header<'_> {
    fn parse(text: &str) -> Option<Header<'_>> {
        let mut timestamp = None;
        let mut signatures = Vec::new();
        for (name, value) in text.split(',').filter_map(|part| part.trim().split_once('=')) {
            match name {
                "t" => timestamp = Some(value),
                "v1" => signatures.extend(bytes_of_hex(value)),
                _ => {}
            }
        }
        Some(Header {
            timestamp: timestamp?,
            signatures,
        })
        .filter(|header| !header.signatures.is_empty())
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match *pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id": "evt_1"}"#;
    const AT: u64 = 1_700_000_000;

    fn keys(secrets: &[&str]) -> Keys {
        let secrets = secrets
            .iter()
            .map(|secret| SecretText::from((*secret).to_owned()));
        Keys::new(secrets.collect(), Duration::from_secs(300))
    }

    fn signature(secret: &str, at: u64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[format!("{at}.").as_bytes(), body].concat());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn header(secret: &str, at: u64, body: &[u8]) -> String {
        format!("t={at},v1={}", signature(secret, at, body))
    }

    fn judge(keys: &Keys, header: &str, at: u64) -> Result<(), SignatureError> {
        keys.verify(BODY, header, UNIX_EPOCH + Duration::from_secs(at))
    }

    /// Made with `openssl dgst -sha256 -hmac whsec_test` of the text `1700000000.{"id": "evt_1"}`.
    #[test]
    fn a_signature_made_by_another_program_is_good() {
        let header = "t=1700000000,v1=a0c091828640f0b68061abc7c03981ad1100ff7160c5dba6b656239494a2b537,v0=6ffbb59b2300aae63f272406069a9788";
        assert_eq!(judge(&keys(&["whsec_test"]), header, AT), Ok(()));
    }

    #[test]
    fn a_secret_may_be_replaced_on_either_side() {
        let (old, new) = (signature("old", AT, BODY), signature("new", AT, BODY));
        let both = format!("t={AT}, v1={old}, v1={new}");
        for known in [&["old"][..], &["new"], &["other", "new"]] {
            assert_eq!(judge(&keys(known), &both, AT), Ok(()), "{known:?}");
        }
        assert_eq!(
            judge(&keys(&["old", "new"]), &header("new", AT, BODY), AT),
            Ok(())
        );
        assert_eq!(judge(&keys(&["other"]), &both, AT), Err(SignatureError::Wrong));
    }

    #[test]
    fn what_was_not_signed_so_is_not_believed() {
        let keys = keys(&["secret"]);
        let wrong = [
            header("secret", AT, br#"{"id":"evt_1"}"#),
            header("Secret", AT, BODY),
            // Another time than the one that was signed.
            format!("t={},v1={}", AT + 1, signature("secret", AT, BODY)),
            // Half of it.
            header("secret", AT, BODY)[..60].to_owned(),
        ];
        for header in wrong {
            assert_eq!(judge(&keys, &header, AT), Err(SignatureError::Wrong), "{header}");
        }
        let tag = signature("secret", AT, BODY);
        let malformed = [
            String::new(),
            format!("v1={tag}"),
            format!("t={AT}"),
            format!("t={AT},v0={tag}"),
            format!("t={AT},v1=zz{tag}"),
            format!("t={AT},v1={tag}0"),
        ];
        for header in malformed {
            assert_eq!(
                judge(&keys, &header, AT),
                Err(SignatureError::Malformed),
                "{header}"
            );
        }
        let no_keys = Keys::default();
        assert_eq!(
            judge(&no_keys, &header("", AT, BODY), AT),
            Err(SignatureError::NoKey)
        );
    }

    #[test]
    fn an_old_one_is_not_believed_again() {
        let header = header("secret", AT, BODY);
        for (now, expected) in [
            (AT + 300, Ok(())),
            (AT - 300, Ok(())),
            (AT + 301, Err(SignatureError::Stale)),
            (AT - 301, Err(SignatureError::Stale)),
        ] {
            assert_eq!(judge(&keys(&["secret"]), &header, now), expected, "{now}");
        }
    }
}
