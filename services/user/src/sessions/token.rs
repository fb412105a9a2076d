//! Refresh tokens: which session they are of, random bytes, and a tag that only this service can make.
//!
//! The random bytes of the first token come from the system, those of each successor from the token before: whoever shows
//! that one again can be given the same successor, though it is not stored. The tag tells a token that was made here from
//! an invented one, so that nobody can end another's session by inventing a token, and old tokens need not be stored to be
//! recognised.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use service_common::failure::Failure;
use service_common::secret::MacKey;

/// The longest text that is looked at.
const LONGEST: usize = 256;
/// How many bytes are random.
const RANDOM_BYTES: usize = 32;

/// A refresh token that was made here. `Debug` shows its session only.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    text: String,
    session: String,
}

impl RefreshToken {
    /// The first one of a session.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn first_of(session: &str, secret: &MacKey) -> Result<RefreshToken, Failure> {
        let mut random = [0; RANDOM_BYTES];
        SystemRandom::new()
            .fill(&mut random)
            .map_err(|_| Failure::internal("the system gives no random numbers"))?;
        Ok(RefreshToken::of(session, &random, secret))
    }

    /// Reads a token; `None` where it was not made here.
    #[must_use]
    pub fn read(text: &str, secret: &MacKey) -> Option<RefreshToken> {
        if text.len() > LONGEST {
            return None;
        }
        let (signed, tag) = text.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        if !secret.verifies(&purpose("token", signed), &tag) {
            return None;
        }
        let (session, _) = signed.split_once('.')?;
        Some(RefreshToken {
            text: text.to_owned(),
            session: session.to_owned(),
        })
    }

    /// What it is exchanged for; always the same.
    #[must_use]
    pub fn successor(&self, secret: &MacKey) -> RefreshToken {
        let random = secret.sign(&purpose("successor", &self.text));
        RefreshToken::of(&self.session, random.as_ref(), secret)
    }

    /// Which session it is of.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.text.as_bytes()))
    }

    /// The token itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    fn of(session: &str, random: &[u8], secret: &MacKey) -> RefreshToken {
        let signed = format!("{session}.{}", URL_SAFE_NO_PAD.encode(random));
        let tag = secret.sign(&purpose("token", &signed));
        RefreshToken {
            text: format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)),
            session: session.to_owned(),
        }
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RefreshToken(of {})", self.session)
    }
}

/// One secret serves two purposes: what is signed says which.
fn purpose(name: &str, text: &str) -> Vec<u8> {
    format!("{name}\0{text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> MacKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_token_is_read_back_and_has_one_successor() {
        let secret = secret("a secret of the test");
        let first = RefreshToken::first_of("ses_1", &secret).unwrap();
        let read = RefreshToken::read(first.reveal(), &secret).unwrap();
        assert!(read == first);
        assert_eq!(read.session(), "ses_1");
        let second = read.successor(&secret);
        assert!(second == first.successor(&secret));
        assert_ne!(second.digest(), first.digest());
        assert!(RefreshToken::read(second.reveal(), &secret).unwrap() == second);
        assert!(second.successor(&secret) != second);
    }

    #[test]
    fn two_sessions_never_begin_with_the_same_token() {
        let secret = secret("a secret of the test");
        let first = RefreshToken::first_of("ses_1", &secret).unwrap();
        assert!(first != RefreshToken::first_of("ses_1", &secret).unwrap());
    }

    #[test]
    fn a_token_that_was_not_made_here_is_none() {
        let secret = secret("a secret of the test");
        let token = RefreshToken::first_of("ses_1", &secret).unwrap();
        let of_another_session = token.reveal().replace("ses_1", "ses_2");
        let made_elsewhere = RefreshToken::first_of("ses_1", &self::secret("another of the test")).unwrap();
        let cut = &token.reveal()[..token.reveal().len() - 1];
        for text in [
            "",
            ".",
            "..",
            "ses_1.AAAA.AAAA",
            cut,
            &of_another_session,
            made_elsewhere.reveal(),
        ] {
            assert!(RefreshToken::read(text, &secret).is_none(), "{text}");
        }
        assert!(RefreshToken::read(&"x.".repeat(1_000_000), &secret).is_none());
    }

    #[test]
    fn neither_token_nor_secret_is_shown() {
        let secret = secret("a secret of the test");
        let token = RefreshToken::first_of("ses_1", &secret).unwrap();
        assert_eq!(format!("{token:?} {secret:?}"), "RefreshToken(of ses_1) ***");
    }
}
