//! Reading the fields of a contract: each judged by its own rule, each fault told with field, reason and byte offset.

mod error;
mod names;
mod reader;
mod values;

pub use error::{Fault, Field, FieldError};
pub(crate) use names::field_names;
pub(crate) use reader::FieldReader;

/// What reading returns within this crate: boxed for the reason given in `json`.
pub(crate) type Result<T> = std::result::Result<T, Box<FieldError>>;

/// The most bytes an id or any other text that is kept may have (an id of ours has 36).
pub const MAX_TEXT_BYTES: usize = 256;
