//! The user service: keeps accounts, sessions and carts, and makes the tokens that all services believe.
//!
//! | module | what it is |
//! |---|---|
//! | [`account`] | accounts, and the values that they are made of |
//! | [`hasher`] | passwords, hashed and checked, as many at a time as there are cores |
//! | [`sessions`] | sessions and their refresh tokens |
//! | [`carts`] | carts |
//! | [`places`] | where sessions and carts are kept: the database, or DynamoDB |
//! | [`store`] | accounts in the database |

mod access;
pub mod account;
mod api;
pub mod carts;
mod command;
pub mod hasher;
mod login;
mod message;
mod options;
pub mod places;
mod provision;
mod register;
mod request;
mod run;
mod service_token;
pub mod sessions;
pub mod store;
mod tidy;
mod users;
mod welcome;

pub use access::access;
pub use api::Api;
pub use command::{Command, CreateAdmin, IssueServiceToken};
pub use login::Tokens;
pub use options::{KeyOptions, Options, Rules};
pub use provision::{Provisioned, provision};
pub use run::{StartError, UserService, run, start};
pub use service_token::{IssueError, issue_service_token};
pub use users::{Needs, Users};

/// As in metrics and logs.
pub const NAME: &str = "user-service";
