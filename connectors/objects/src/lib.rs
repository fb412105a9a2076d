//! Places for files, read from one URL: a folder, a bucket of S3 or Google Cloud Storage, or memory.
//!
//! How URLs are read, where credentials come from, how long a request may take and how a failure reads is decided here, for
//! all that store files. `memory:` is for tests: one name is one place in this process.

mod bucket;
mod federation;
mod location;
mod reason;

pub use bucket::{Bucket, environment};
pub use location::Location;
pub use reason::reason;

/// A place cannot be used. Waiting does not help, another setting does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The URL is not one that can be used.
    #[error("storage URL `{url}` cannot be used: {reason}")]
    BadUrl {
        /// The URL as given.
        url: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The settings for this storage are wrong.
    #[error("cannot set up the connection to {url}: {reason}")]
    Settings {
        /// The URL as given.
        url: String,
        /// What is wrong.
        reason: String,
    },
}
