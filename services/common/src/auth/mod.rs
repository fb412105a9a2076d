//! Who calls: access tokens, the keys they are signed with, sessions that end, and the guard before every port.
//!
//! A token is a JWT signed with EdDSA. Only that algorithm exists here, so no token can choose another one. A token says
//! who calls ([`Caller`]); every port verifies it itself and takes the caller from nowhere else.

mod caller;
mod crypto;
mod guard;
mod keys;
mod remote;
mod sessions;
mod token;
mod verified;

pub use caller::{Caller, Role};
pub use guard::{Access, Guard, Guarded, bearer, caller_of};
pub use keys::{JwkSet, KeyError, SigningKey, VerifyingKeys};
pub use sessions::{SessionCheck, Sessions};
pub use token::{Claims, TokenError, Verifier};
