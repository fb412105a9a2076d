//! Hashing passwords: argon2id with the crate's defaults, which are OWASP's, at most as many at a time as there are cores.

use std::fmt;
use std::time::Duration;

use argon2::password_hash::Error;
use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use service_common::failure::Failure;
use service_common::secret::SecretText;
use service_common::workers::Workers;

use crate::account::Password;

/// The hash of no password, with the parameters of all others: checking against it takes as long as against any.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Memory of at least this size comes from the system and goes back to it at once. The allocator (glibc's) keeps smaller pieces,
/// here of 19 MiB, with each thread that ever had one. What is not used of it is never there.
const COMES_AND_GOES: usize = 33 * 1024 * 1024;

/// What one who finds no place is told.
const REFUSAL: &str = "too many people log in at once";

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    workers: Workers,
}

impl Hasher {
    /// One that works on so many passwords at a time; who gets no place within the patience is refused.
    #[must_use]
    pub fn new(places: usize, patience: Duration) -> Hasher {
        Hasher {
            workers: Workers::new(places, patience, REFUSAL),
        }
    }

    /// One for the cores of this machine.
    #[must_use]
    pub fn of_all_cores(patience: Duration) -> Hasher {
        Hasher {
            workers: Workers::of_all_cores(patience, REFUSAL),
        }
    }

    /// The hash of a password, in the PHC string format, with a salt of its own.
    ///
    /// # Errors
    /// `overloaded` where too many others wait.
    pub async fn hash(&self, password: Password) -> Result<SecretText, Failure> {
        let hashed = self.workers.run(move || hashed(password.as_bytes()));
        let hash = hashed.await?.map_err(Failure::internal)?;
        Ok(SecretText::from(hash.to_string()))
    }

    /// Whether it is the hash of the password. Where there is no hash it is not, which takes as long to say.
    ///
    /// # Errors
    /// `overloaded` where too many others wait.
    pub async fn verify(&self, password: Password, hash: Option<SecretText>) -> Result<bool, Failure> {
        let verified = self.workers.run(move || {
            let hash = hash.as_ref().map_or(NOBODYS, SecretText::reveal);
            verified(password.as_bytes(), hash)
        });
        match verified.await? {
            Ok(()) => Ok(true),
            Err(Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(Failure::internal(error)),
        }
    }
}

/// A new hash, with the crate's defaults.
fn hashed(password: &[u8]) -> Result<PasswordHash, Error> {
    let argon2 = Argon2::default();
    let salt = Salt::generate();
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2.hash_password_into_with_memory(password, &salt, &mut out, memory(argon2.params()))?;
    Ok(PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(argon2.params())?,
        salt: Some(salt),
        hash: Some(Output::new(&out)?),
    })
}

/// An error where it is not the hash of the password.
fn verified(password: &[u8], hash: &str) -> Result<(), Error> {
    let hash = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Err(Error::PasswordInvalid);
    };
    let version = hash.version.map(Version::try_from).transpose()?;
    let argon2 = Argon2::new(
        Algorithm::try_from(hash.algorithm.as_str())?,
        version.unwrap_or_default(),
        Params::try_from(&hash)?,
    );
    let mut out = vec![0; expected.len()];
    argon2.hash_password_into_with_memory(password, salt, &mut out, memory(argon2.params()))?;
    // Compared in constant time.
    match Output::new(&out)? == *expected {
        true => Ok(()),
        false => Err(Error::PasswordInvalid),
    }
}

/// What a hash is made in.
fn memory(params: &Params) -> Vec<Block> {
    let count = params.block_count();
    let mut blocks = Vec::with_capacity(count.max(COMES_AND_GOES / Block::SIZE));
    blocks.resize(count, Block::default());
    blocks
}

impl fmt::Debug for Hasher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, PasswordVerifier};
    use service_common::failure::Code;

    use super::*;

    fn password(text: &str) -> Password {
        Password::tried(text).unwrap()
    }

    #[test]
    fn nobodys_hash_costs_what_every_hash_costs() {
        let nobodys = PasswordHash::new(NOBODYS).unwrap();
        let hash = Argon2::default().hash_password(b"a password").unwrap();
        assert_eq!(
            Params::try_from(&nobodys).unwrap(),
            Params::try_from(&hash).unwrap()
        );
        assert_eq!(
            (nobodys.algorithm, nobodys.version),
            (hash.algorithm, hash.version)
        );
        assert_eq!(hash.algorithm.as_str(), "argon2id");
    }

    #[test]
    fn hashes_are_those_of_the_crate() {
        let (password, another) = (b"a password", b"another one");
        let ours = hashed(password).unwrap().to_string();
        assert_eq!(Argon2::default().verify_password(password, ours.as_str()), Ok(()));
        let theirs = Argon2::default().hash_password(password).unwrap().to_string();
        assert_eq!(verified(password, &theirs), Ok(()));
        assert_eq!(verified(another, &theirs), Err(Error::PasswordInvalid));
    }

    #[tokio::test]
    async fn a_hash_is_of_its_password_only_and_no_password_has_nobodys() {
        let hasher = Hasher::of_all_cores(Duration::from_secs(60));
        let hash = hasher.hash(password("correct horse")).await.unwrap();
        let is_right = async |text, hash| hasher.verify(password(text), hash).await;
        assert_eq!(is_right("correct horse", Some(hash.clone())).await, Ok(true));
        assert_eq!(is_right("another horse", Some(hash.clone())).await, Ok(false));
        assert_eq!(is_right("correct horse", None).await, Ok(false));
        let another = hasher.hash(password("correct horse")).await.unwrap();
        assert!(hash != another, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn who_finds_no_place_is_told_when_to_try_again() {
        let hasher = Hasher::new(0, Duration::ZERO);
        let failure = hasher.verify(password("a password"), None).await.unwrap_err();
        assert_eq!(failure.code, Code::Overloaded);
        assert!(failure.retry_after.is_some());
    }
}
