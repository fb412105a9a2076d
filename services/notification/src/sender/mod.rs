//! The way out: a folder to look at, or Amazon SNS.

mod folder;
mod place;
#[cfg(feature = "sns")]
mod sns;

use std::fmt;

pub use folder::FolderSender;
pub use place::{SenderUrl, SenderUrlError};
#[cfg(feature = "sns")]
pub use sns::SnsSender;

use crate::template::{Template, Text};
use crate::trouble::Work;

/// A message to one person. `Debug` shows neither the address nor the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The id of the event it tells of: copies of a message have the same.
    pub event_id: String,
    /// The user.
    pub user_id: String,
    /// The user's e-mail address.
    pub address: String,
    /// Which text it is.
    pub template: Template,
    /// The text.
    pub text: Text,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: i64,
}

impl fmt::Debug for Message {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Message")
            .field("event_id", &self.event_id)
            .field("user_id", &self.user_id)
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}

/// A message was not sent, or nobody knows whether it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It was not; it may be another time.
    #[error("not sent: {0}")]
    NotSent(String),
    /// Whether it was is not known.
    #[error("may not have been sent: {0}")]
    Unknown(String),
    /// It was not and will never be.
    #[error("{0}")]
    Refused(String),
}

/// Sends messages.
pub trait Sender: Send + Sync {
    /// Sends one.
    fn send<'a>(&'a self, message: &'a Message) -> Work<'a, (), SendError>;
}
