//! What can become of a transaction, and what to do then.

use std::sync::Arc;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::connection::ConnectionError;

/// A transaction was not, or perhaps not, committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// Aborted: the broker will never take the record at `index` (too large, invalid). Cut it or leave it out, and
    /// commit again.
    #[error("record {index} for topic `{topic}` can never be written: {reason}")]
    Rejected {
        /// Where it was to be written.
        topic: Arc<str>,
        /// Its place in [`Transaction::records`](crate::Transaction::records).
        index: usize,
        /// The broker's words.
        reason: String,
    },
    /// Not committed, and this sink never will: another process took over the transactional id, or the broker ended a
    /// transaction that was open for longer than its time-out. Kafka does not tell which. End the process: if it was a
    /// takeover, going on would steal the id back.
    #[error(
        "fenced: another process took over the transactional id, or the transaction was open for longer than its \
         time-out ({0})"
    )]
    Fenced(String),
    /// The commit was sent and the answer did not come, or it failed and could not be aborted: it may have happened. Drop the sink, connect a new one (which
    /// settles it) and read the progress record. If that is neither the one sent nor the one before it, another
    /// process took over meanwhile: treat it as `Fenced`.
    #[error("the outcome of the transaction is unknown: {0}")]
    OutcomeUnknown(String),
    /// Not committed: aborted, or never begun. The same may be committed again.
    #[error("Kafka is not available: {0}")]
    Unavailable(String),
    /// Not committed, and trying again will not help: wrong settings, missing rights, an unknown fault of the client.
    #[error("the transaction cannot be written: {0}")]
    Fatal(String),
}

impl From<ConnectionError> for SinkError {
    fn from(error: ConnectionError) -> Self {
        Self::Fatal(error.to_string())
    }
}

impl SinkError {
    /// What a failed call of the transaction API means, as long as the commit itself was not sent.
    pub(super) fn from_transaction(error: &KafkaError, text: &str) -> Self {
        match error {
            KafkaError::Transaction(error) => {
                Self::from_code(error.code(), error.is_fatal(), text.to_owned())
            }
            other => match other.rdkafka_error_code() {
                Some(code) => Self::from_code(code, false, text.to_owned()),
                None => Self::Fatal(text.to_owned()),
            },
        }
    }

    pub(super) fn from_code(code: RDKafkaErrorCode, fatal: bool, text: String) -> Self {
        use RDKafkaErrorCode as Code;
        match code {
            Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::InvalidProducerIdMapping
            | Code::UnknownProducerId => Self::Fenced(text),
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::InvalidTransactionTimeout
            | Code::OffsetMetadataTooLarge
            | Code::InvalidGroupId
            | Code::UnsupportedVersion
            | Code::UnsupportedFeature
            | Code::InvalidTopic
            | Code::InvalidArgument => Self::Fatal(text),
            _ if fatal => Self::Fatal(text),
            _ => Self::Unavailable(text),
        }
    }
}
