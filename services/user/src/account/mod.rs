//! Accounts, and the values that they are made of.

mod email;
mod name;
mod password;

use std::fmt;

use service_common::auth::Role;

pub use email::{Email, EmailError};
pub use name::{Name, NameError};
pub use password::{Password, PasswordError};

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// `usr_...`
    pub id: String,
    /// What its owner logs in with.
    pub email: Email,
    /// Of its owner.
    pub first_name: Name,
    /// Of its owner.
    pub last_name: Name,
    /// What its owner may do.
    pub role: Role,
    /// When it was made, by the database's clock, in milliseconds since 1970.
    pub created_at_ms: i64,
}

/// Without what tells who the owner is.
impl fmt::Debug for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Account({}, {})", self.id, self.role.as_str())
    }
}

/// Who wants an account.
#[derive(Clone, Debug)]
pub struct Person {
    /// What they will log in with.
    pub email: Email,
    /// The same.
    pub password: Password,
    /// Theirs.
    pub first_name: Name,
    /// Theirs.
    pub last_name: Name,
}
