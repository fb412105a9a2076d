//! A small JSON pull reader of our own, and the escaping of strings.
//!
//! Own, because each fault has to be told with its field and byte offset, because money is read from the digits of a
//! number, and because a value of many megabytes must cost neither a copy nor a tree.

mod reader;
mod string;

pub(crate) use reader::{Reader, Token, Value};
pub(crate) use string::{Text, plain_ascii_bytes, plain_bytes, push_string};

/// How deep objects and arrays may be nested: one bit of the reader's stack each.
pub const MAX_DEPTH: u32 = 64;

/// What is wrong with a text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Something else stands where the grammar wants this.
    #[error("not JSON: expected {expected}, found {found}")]
    Unexpected {
        /// What could stand here.
        expected: &'static str,
        /// What stands here: a quoted character or `the end`.
        found: String,
    },
    /// A string holds a control character that has to be escaped.
    #[error("not JSON: control character U+{0:04X} in a string")]
    ControlCharacter(u8),
    /// A `\u` escape is half of a surrogate pair: such a string is no text.
    #[error("not text: half of a surrogate pair")]
    LoneSurrogate,
    /// Objects and arrays are nested too deep.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// What the reader returns. The error is boxed: as wide values, errors that never happen made reading half as fast.
type Result<T> = std::result::Result<T, Box<SyntaxError>>;

/// A [`Fault`] and where it is.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    /// Bytes before the fault.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) fault: Fault,
}

impl SyntaxError {
    #[cold]
    fn new(offset: usize, fault: Fault) -> Box<Self> {
        Box::new(Self { offset, fault })
    }
}
