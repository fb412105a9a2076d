//! Why a job ended, and the exit code that says so.

use std::process::ExitCode;

use weir_kafka::{SinkError, TailError, TopicError};

/// Why the job could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A setting is wrong; exit code 64.
    #[error("{key}: {fault}")]
    Setting {
        /// The key as it is written in flags and file, without the dashes.
        key: &'static str,
        /// What is wrong with its value and what would be right.
        fault: String,
    },
    /// The orders topic is not the one that the progress record speaks of; exit code 65.
    #[error(
        "the topic `{topic}` is not the log that this job has read: {fault}. If it was made anew on purpose, start with a new \
         --job-id"
    )]
    LogReplaced {
        /// The orders topic.
        topic: String,
        /// What was found.
        fault: String,
    },
    /// The progress record cannot be used; exit code 65.
    #[error("the progress of the job cannot be used: {0}")]
    Progress(String),
    /// A server did not answer; exit code 69.
    #[error("{0}")]
    Unavailable(String),
    /// A server refused, and would again; exit code 69.
    #[error("{0}")]
    Refused(String),
    /// A fault of the program or of its host; exit code 70.
    #[error("{0}")]
    Internal(String),
    /// Another process took the job over, or a transaction was open for too long; exit code 76.
    #[error("{0}")]
    Fenced(String),
}

impl JobError {
    /// The exit code of the process: see the table in the README.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Setting { .. } => 64,
            Self::LogReplaced { .. } | Self::Progress(_) => 65,
            Self::Unavailable(_) | Self::Refused(_) => 69,
            Self::Internal(_) => 70,
            Self::Fenced(_) => 76,
        }
    }

    /// A wrong setting.
    pub(crate) fn setting(key: &'static str, fault: impl Into<String>) -> Self {
        Self::Setting {
            key,
            fault: fault.into(),
        }
    }
}

impl From<SinkError> for JobError {
    fn from(error: SinkError) -> Self {
        let text = error.to_string();
        match error {
            SinkError::Fenced(_) => Self::Fenced(text),
            SinkError::Unavailable(_) | SinkError::OutcomeUnknown(_) => Self::Unavailable(text),
            SinkError::Fatal(_) | SinkError::Rejected { .. } => Self::Refused(text),
        }
    }
}

impl From<TopicError> for JobError {
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::Unavailable { .. } | TopicError::Stopped => Self::Unavailable(error.to_string()),
            // What shows only when a client is made, such as a file that cannot be read.
            TopicError::Connection(_) => Self::setting("kafka", error.to_string()),
            TopicError::Refused { .. } | TopicError::Missing(_) => Self::Refused(error.to_string()),
        }
    }
}

impl From<TailError> for JobError {
    fn from(error: TailError) -> Self {
        match error {
            TailError::Topic(error) => error.into(),
            // A log that was cut while it was read is read again from where it begins now.
            TailError::Unavailable { .. } | TailError::OutOfRange { .. } => {
                Self::Unavailable(error.to_string())
            }
            TailError::Connection(_) => Self::setting("kafka", error.to_string()),
            TailError::Refused { .. } => Self::Refused(error.to_string()),
        }
    }
}

impl From<&JobError> for ExitCode {
    fn from(error: &JobError) -> Self {
        Self::from(error.exit_code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_topic_names_the_topic_and_the_reason_and_ends_with_69() {
        let error = JobError::from(TopicError::Refused {
            topic: "orders-dlq".to_owned(),
            reason: "policy violation".to_owned(),
        });
        let text = error.to_string();
        assert!(
            text.contains("orders-dlq") && text.contains("policy violation"),
            "{text}"
        );
        assert_eq!(error.exit_code(), 69);
    }
}
