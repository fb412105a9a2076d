//! Passwords, as they come in. They are hashed and forgotten.

use std::fmt;

/// The shortest password, in characters.
const SHORTEST: usize = 8;
/// The longest password, in characters.
const LONGEST: usize = 128;

/// A password. `Debug` does not show it.
#[derive(Clone)]
pub struct Password(String);

/// A text that is no [`Password`]. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing.
    #[error("missing")]
    Missing,
    /// Too easily guessed.
    #[error("shorter than {SHORTEST} characters")]
    TooShort,
    /// More than is hashed for anybody.
    #[error("longer than {LONGEST} characters")]
    TooLong,
}

impl Password {
    /// One for an account, of 8 to 128 characters.
    ///
    /// # Errors
    /// It is shorter or longer.
    pub fn chosen(text: &str) -> Result<Password, PasswordError> {
        let password = Password::tried(text)?;
        if password.0.chars().count() < SHORTEST {
            return Err(PasswordError::TooShort);
        }
        Ok(password)
    }

    /// One that somebody tries to log in with. One that is too short is as wrong as any other.
    ///
    /// # Errors
    /// There is none, or it is longer than any.
    pub fn tried(text: &str) -> Result<Password, PasswordError> {
        if text.is_empty() {
            return Err(PasswordError::Missing);
        }
        if text.chars().count() > LONGEST {
            return Err(PasswordError::TooLong);
        }
        Ok(Password(text.to_owned()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_password_has_8_to_128_characters() {
        assert_eq!(Password::chosen("").unwrap_err(), PasswordError::Missing);
        assert_eq!(Password::chosen("sevenis").unwrap_err(), PasswordError::TooShort);
        assert!(Password::chosen("eightcha").is_ok());
        assert!(Password::chosen(&"ü".repeat(128)).is_ok());
        assert_eq!(
            Password::chosen(&"u".repeat(129)).unwrap_err(),
            PasswordError::TooLong
        );
    }

    #[test]
    fn a_tried_password_may_be_short_but_not_without_bound() {
        assert!(Password::tried("x").is_ok());
        assert_eq!(Password::tried("").unwrap_err(), PasswordError::Missing);
        assert_eq!(
            Password::tried(&"u".repeat(129)).unwrap_err(),
            PasswordError::TooLong
        );
    }
}
