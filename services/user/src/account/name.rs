//! Names of people.

use std::fmt;

/// The longest name, in characters.
const LONGEST: usize = 100;

/// A first or a last name, of 1 to 100 characters. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

/// A text that is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing.
    #[error("missing")]
    Missing,
    /// Too much.
    #[error("longer than {LONGEST} characters")]
    TooLong,
    /// What no name holds.
    #[error("holds control characters")]
    Control,
}

impl Name {
    /// Reads a name; white space around it is dropped.
    ///
    /// # Errors
    /// The text is none.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        let name = text.trim();
        if name.is_empty() {
            return Err(NameError::Missing);
        }
        if name.chars().count() > LONGEST {
            return Err(NameError::TooLong);
        }
        if name.chars().any(char::is_control) {
            return Err(NameError::Control);
        }
        Ok(Name(name.to_owned()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Name(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_to_a_hundred_characters() {
        assert_eq!(Name::parse(" Zoë ").unwrap().as_str(), "Zoë");
        assert!(Name::parse(&"ü".repeat(100)).is_ok());
        assert_eq!(Name::parse(&"ü".repeat(101)), Err(NameError::TooLong));
        assert_eq!(Name::parse(" \u{a0}"), Err(NameError::Missing));
        assert_eq!(Name::parse("Zo\u{0}ë"), Err(NameError::Control));
    }
}
