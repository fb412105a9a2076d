//! Why a run ended early, and the exit code that says so.

use order_analytics::JobError;

/// The check found a difference.
pub(crate) const CHECK_FAILED: u8 = 1;
const UNAVAILABLE: u8 = 69;
const OTHER: u8 = 70;
/// Told to stop where there is nothing to check yet, or told twice: 128 + SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error and its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// Exit code for a wrong setting.
    pub(crate) const USAGE: u8 = 64;

    /// A setting is wrong; the text names it.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self {
            code: Self::USAGE,
            error: anyhow::Error::msg(text.into()),
        }
    }

    /// A port or a folder is in use.
    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self {
            code: UNAVAILABLE,
            error: anyhow::Error::msg(text.into()),
        }
    }

    /// Told to stop before there was anything to check; the text says what is left behind.
    pub(crate) fn interrupted(text: impl Into<String>) -> Self {
        Self {
            code: INTERRUPTED,
            error: anyhow::Error::msg(text.into()),
        }
    }

    /// The exit code of the process.
    pub(crate) const fn code(&self) -> u8 {
        self.code
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:#}", self.error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { code: OTHER, error }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        if matches!(&error, JobError::Setting { key: "currency", .. }) {
            // The job's own advice is a flag that is not ours.
            return Self::usage(
                "--currency: the orders of this folder are counted in another one; take another --data-dir",
            );
        }
        Self {
            code: error.exit_code(),
            error: error.into(),
        }
    }
}
