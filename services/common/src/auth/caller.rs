//! Who calls.

use crate::failure::{Code, Failure};

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What is one's own.
    Customer,
    /// Everything.
    Admin,
}

impl Role {
    /// As in tokens and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Customer => "customer",
            Role::Admin => "admin",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Role> {
        [Role::Customer, Role::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// Who calls, as a verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A person, by one of their sessions.
    User {
        /// Their account.
        id: String,
        /// What they may do.
        role: Role,
        /// The session the token belongs to.
        session: String,
    },
    /// Another service, for nobody.
    Service {
        /// Its name.
        name: String,
    },
}

impl Caller {
    /// The user who calls.
    ///
    /// # Errors
    /// A service calls.
    pub fn user_id(&self) -> Result<&str, Failure> {
        match self {
            Caller::User { id, .. } => Ok(id),
            Caller::Service { .. } => Err(Failure::new(Code::Forbidden, "only users can do this")),
        }
    }

    /// Whether the caller may see what belongs to `owner`.
    #[must_use]
    pub fn may_see(&self, owner: &str) -> bool {
        match self {
            Caller::User { id, .. } => id == owner || self.is_trusted(),
            Caller::Service { .. } => true,
        }
    }

    /// An admin or a service.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        match self {
            Caller::User { role, .. } => *role == Role::Admin,
            Caller::Service { .. } => true,
        }
    }
}
