//! The one error of a call: a stable code, a sentence for people, and the faults of single fields.

mod code;
mod grpc;
mod http;

pub use code::Code;
pub use http::Problem;

use std::fmt;
use std::time::Duration;

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// As a path: `items[2].quantity`.
    pub field: String,
    /// What is wrong with its value, and what would be right.
    pub fault: String,
}

/// Why a call was not done. Everything in it may be shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What clients decide by.
    pub code: Code,
    /// For people.
    pub detail: String,
    /// The faults of single fields; with [`Code::Invalid`] only.
    pub fields: Vec<FieldFault>,
    /// After which time another attempt makes sense.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without more than its code and a sentence.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Failure {
        Failure {
            code,
            detail: detail.into(),
            fields: Vec::new(),
            retry_after: None,
        }
    }

    /// One field of the request is wrong.
    #[must_use]
    pub fn field(field: impl Into<String>, fault: impl Into<String>) -> Failure {
        let mut faults = FieldFaults::default();
        faults.add(field, fault);
        faults.into_failure()
    }

    /// A fault of ours. Its cause is logged here, once, and not shown to the caller.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Failure {
        tracing::error!(error = %cause, "a call failed by a fault of ours");
        Failure::new(Code::Internal, "an internal error; it was logged")
    }

    /// The same, to be tried again after some time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Failure {
        self.retry_after = Some(delay);
        self
    }

    /// Whether the answer is final, so that it is kept under an idempotency key: what the business refuses is, what the
    /// request, the caller or the moment was wrong about is not.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.code.is_final()
    }
}

/// The faults of a request, gathered so that the caller learns all of them at once.
#[derive(Debug, Default)]
pub struct FieldFaults(Vec<FieldFault>);

impl FieldFaults {
    /// Notes one.
    pub fn add(&mut self, field: impl Into<String>, fault: impl Into<String>) {
        self.0.push(FieldFault {
            field: field.into(),
            fault: fault.into(),
        });
    }

    /// The value, or `None` and its fault noted.
    pub fn take<T, E: fmt::Display>(&mut self, field: impl Into<String>, value: Result<T, E>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(fault) => {
                self.add(field, fault.to_string());
                None
            }
        }
    }

    /// Goes on where there is none.
    ///
    /// # Errors
    /// All that were noted.
    pub fn check(self) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(self.into_failure())
    }

    /// All that were noted, as one failure; for where a value is missing because of them.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let detail = match self.0.as_slice() {
            [only] => format!("{}: {}", only.field, only.fault),
            several => format!("{} fields are not valid", several.len()),
        };
        Failure {
            fields: self.0,
            ..Failure::new(Code::Invalid, detail)
        }
    }
}
