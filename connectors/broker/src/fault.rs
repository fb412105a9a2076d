//! A refusal on its way to the client: the protocol's code and a text.

use std::fmt;

use kafka_protocol::ResponseError;

/// Why a request, or one item of it, was refused.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) error: ResponseError,
    pub(crate) text: String,
}

impl Fault {
    pub(crate) fn new(error: ResponseError, text: impl Into<String>) -> Self {
        Self {
            error,
            text: text.into(),
        }
    }

    pub(crate) fn code(&self) -> i16 {
        self.error.code()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() {
            write!(f, "{:?}", self.error)
        } else {
            f.write_str(&self.text)
        }
    }
}

impl From<ResponseError> for Fault {
    fn from(error: ResponseError) -> Self {
        Self::new(error, "")
    }
}

/// The disk did not take or give what it should. Told to the log here, once, and to the client.
pub(crate) fn storage(what: &str, error: &std::io::Error) -> Fault {
    tracing::error!(%error, what, "storage failed");
    Fault::new(ResponseError::KafkaStorageError, format!("{what}: {error}"))
}

/// The code of an outcome, 0 for success.
pub(crate) fn code<T>(outcome: &Result<T, Fault>) -> i16 {
    outcome.as_ref().err().map_or(0, Fault::code)
}
