//! The keys of access tokens. One key signs; those before it go on verifying until the last token they signed has run out.

use std::collections::HashMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};

/// A key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read or made.
    #[error("cannot read or make the signing key {path}: {source}")]
    File {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no key.
    #[error("the signing key is not an Ed25519 key in PKCS#8 (PEM, or the base64 of DER)")]
    NotEd25519,
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
    /// A key set is not one of Ed25519 keys.
    #[error("not a JSON Web Key Set of Ed25519 keys: {0}")]
    KeySet(String),
}

/// The private key that signs access tokens.
pub struct SigningKey {
    pub(super) encoding: EncodingKey,
    pub(super) kid: String,
    public: Vec<u8>,
}

impl SigningKey {
    /// The key in a PEM text, or in the base64 of its DER.
    ///
    /// # Errors
    /// It is no Ed25519 key.
    pub fn parse(text: &str) -> Result<SigningKey, KeyError> {
        let base64: String = text
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .flat_map(|line| line.chars())
            .filter(|c| !c.is_whitespace())
            .collect();
        let der = STANDARD.decode(base64).map_err(|_| KeyError::NotEd25519)?;
        SigningKey::of_der(&der)
    }

    /// The key in a file, which is made with a new one where it is missing: readable by its owner only, whole or not there.
    ///
    /// # Errors
    /// The file cannot be read or made, or holds no key.
    pub fn in_file(path: &Path) -> Result<SigningKey, KeyError> {
        let failed = |source| KeyError::File {
            path: path.to_owned(),
            source,
        };
        match std::fs::read_to_string(path) {
            Ok(text) => SigningKey::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let document =
                    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::NoRandom)?;
                let text = format!(
                    "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                    STANDARD.encode(document.as_ref())
                );
                write_new(path, &text).map_err(failed)?;
                // Another process may have been quicker: what lies there counts.
                SigningKey::parse(&std::fs::read_to_string(path).map_err(failed)?)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn of_der(der: &[u8]) -> Result<SigningKey, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyError::NotEd25519)?;
        let public = pair.public_key().as_ref().to_vec();
        super::crypto::install();
        Ok(SigningKey {
            encoding: EncodingKey::from_ed_der(der),
            kid: key_id(&public),
            public,
        })
    }

    /// What may be shown of it.
    #[must_use]
    pub fn public(&self) -> JwkSet {
        JwkSet {
            keys: vec![Jwk {
                kty: "OKP".to_owned(),
                crv: "Ed25519".to_owned(),
                alg: "EdDSA".to_owned(),
                usage: "sig".to_owned(),
                kid: self.kid.clone(),
                x: URL_SAFE_NO_PAD.encode(&self.public),
            }],
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey({})", self.kid)
    }
}

/// Writes a file that is there whole or not at all.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // Unlike a rename, a link does not replace what another process has made meanwhile.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// The thumbprint of RFC 7638, so that a key has one name wherever it is used.
fn key_id(public: &[u8]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
}

/// Public keys, as RFC 7517 and RFC 8037 write them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    alg: String,
    #[serde(rename = "use")]
    usage: String,
    kid: String,
    x: String,
}

impl JwkSet {
    /// Reads a set.
    ///
    /// # Errors
    /// It is not one of Ed25519 keys.
    pub fn parse(json: &str) -> Result<JwkSet, KeyError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|error| KeyError::KeySet(error.to_string()))?;
        match set
            .keys
            .iter()
            .find(|key| key.kty != "OKP" || key.crv != "Ed25519")
        {
            Some(key) => Err(KeyError::KeySet(format!(
                "key `{}` is {} {}",
                key.kid, key.kty, key.crv
            ))),
            None => Ok(set),
        }
    }

    /// These keys, and those of the other set that are not among them.
    #[must_use]
    pub fn and(mut self, other: JwkSet) -> JwkSet {
        for key in other.keys {
            if self.keys.iter().all(|known| known.kid != key.kid) {
                self.keys.push(key);
            }
        }
        self
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings only: nothing that cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The public keys that tokens are verified with, by their ids; replaced while in use when keys are rotated.
#[derive(Clone, Default)]
pub struct VerifyingKeys(Arc<RwLock<HashMap<String, DecodingKey>>>);

impl VerifyingKeys {
    /// The keys of a set.
    ///
    /// # Errors
    /// One is no Ed25519 key.
    pub fn of(set: &JwkSet) -> Result<VerifyingKeys, KeyError> {
        let keys = VerifyingKeys::default();
        keys.replace(set)?;
        Ok(keys)
    }

    /// From now on these.
    ///
    /// # Errors
    /// One is no Ed25519 key; then all stays as it was.
    pub fn replace(&self, set: &JwkSet) -> Result<(), KeyError> {
        super::crypto::install();
        let keys = set.keys.iter().map(|key| {
            let decoding = DecodingKey::from_ed_components(&key.x)
                .map_err(|error| KeyError::KeySet(format!("key `{}`: {error}", key.kid)))?;
            Ok((key.kid.clone(), decoding))
        });
        let keys = keys.collect::<Result<_, KeyError>>()?;
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Whether there is one at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .is_empty()
    }

    pub(super) fn get(&self, kid: &str) -> Option<DecodingKey> {
        let keys = self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        keys.get(kid).cloned()
    }
}

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("VerifyingKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_read_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/token.pem");
        let first = SigningKey::in_file(&path).unwrap();
        assert_eq!(SigningKey::in_file(&path).unwrap().kid, first.kid);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_that_is_in_both_sets_is_once_in_their_union() {
        let folder = tempfile::tempdir().unwrap();
        let set = |name: &str| SigningKey::in_file(&folder.path().join(name)).unwrap().public();
        let both = set("a.pem").and(set("b.pem"));
        assert_eq!(both.clone().and(set("a.pem")), both);
        assert_eq!(both.keys.len(), 2);
    }

    #[test]
    fn a_key_set_is_read_back_and_one_of_another_kind_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::in_file(&folder.path().join("token.pem")).unwrap();
        let json = key.public().to_json();
        assert_eq!(JwkSet::parse(&json).unwrap(), key.public());
        assert!(JwkSet::parse(&json.replace("Ed25519", "P-256")).is_err());
        assert!(matches!(SigningKey::parse("AAAA"), Err(KeyError::NotEd25519)));
    }
}
