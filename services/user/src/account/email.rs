//! E-mail addresses.

use std::fmt;

/// The longest address (RFC 5321, 4.5.3.1.3, without its brackets), in bytes.
const LONGEST: usize = 254;
/// The longest part before the `@` (RFC 5321, 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
/// The longest part of a domain between dots (RFC 1035).
const LONGEST_LABEL: usize = 63;

/// An e-mail address as HTML's `<input type=email>` takes it. Two that differ in case only are one. `Debug` does not show it.
#[derive(Clone)]
pub struct Email {
    written: String,
    key: String,
}

/// A text that is no [`Email`]. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing.
    #[error("missing")]
    Missing,
    /// More than anybody could send to.
    #[error("longer than {LONGEST} characters")]
    TooLong,
    /// Something else.
    #[error("not an e-mail address, such as `ann@example.com`")]
    NoAddress,
}

impl Email {
    /// Reads an address; white space around it is dropped.
    ///
    /// # Errors
    /// The text is none.
    pub fn parse(text: &str) -> Result<Email, EmailError> {
        let written = text.trim();
        if written.is_empty() {
            return Err(EmailError::Missing);
        }
        if written.len() > LONGEST {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = written.rsplit_once('@').ok_or(EmailError::NoAddress)?;
        let is_local = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b);
        let is_address = !local.is_empty()
            && local.len() <= LONGEST_LOCAL
            && local.bytes().all(is_local)
            && domain.split('.').all(is_label);
        if !is_address {
            return Err(EmailError::NoAddress);
        }
        Ok(Email {
            written: written.to_owned(),
            key: written.to_ascii_lowercase(),
        })
    }

    /// As its owner wrote it.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.written
    }

    /// What no two accounts share.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn is_label(label: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !label.is_empty()
        && label.len() <= LONGEST_LABEL
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl PartialEq for Email {
    fn eq(&self, other: &Email) -> bool {
        self.key == other.key
    }
}

impl Eq for Email {}

impl fmt::Debug for Email {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Email(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_differ_in_case_or_white_space_are_one() {
        let email = Email::parse("  Ann.Lee+shop@Example.COM\t").unwrap();
        assert_eq!(email.as_written(), "Ann.Lee+shop@Example.COM");
        assert_eq!(email.key(), "ann.lee+shop@example.com");
        assert_eq!(email, Email::parse("ann.lee+SHOP@example.com").unwrap());
    }

    #[test]
    fn what_nobody_could_send_to_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long_label = format!("a@{}.com", "b".repeat(64));
        for text in [
            "ann",
            "@example.com",
            "ann@",
            "ann lee@example.com",
            "ann@@example.com",
            "ann@example..com",
            "ann@-example.com",
            "ann@example-.com",
            "ann@exam\u{0}ple.com",
            "ann@example.com\r\nBcc: all",
            "änn@example.com",
            &long_local,
            &long_label,
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::NoAddress), "{text}");
        }
        assert_eq!(Email::parse(" "), Err(EmailError::Missing));
        let long = format!("a@{}", ["b"; 130].join("."));
        assert_eq!(Email::parse(&long), Err(EmailError::TooLong));
    }
}
