//! Tables of Amazon DynamoDB, in place of tables of a service's database.
//!
//! DynamoDB has no clock and forgets what has run out some time later: the moment is this machine's, and what has run out is
//! refused by whoever reads it. An item's attribute [`EXPIRES_AT`] is its end in seconds since 1970.

#[cfg(feature = "dynamodb")]
mod item;
#[cfg(feature = "dynamodb")]
mod tables;
mod url;

#[cfg(feature = "dynamodb")]
pub use item::{EXPIRES_AT, Item, now_ms, number, read_number, read_text, seconds, text};
#[cfg(feature = "dynamodb")]
pub use tables::{CreateError, Tables, reason};
pub use url::{DynamoUrl, DynamoUrlError};
