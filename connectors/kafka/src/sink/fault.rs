//! Why an attempt at a transaction failed, before it is known whether that is the last word.

use std::sync::Arc;

use rdkafka::error::RDKafkaErrorCode;

use super::deliveries::Failure;
use super::parts::Cause;
use super::{SinkError, Transaction};

pub(super) enum Fault {
    /// The broker, or the client for it, will not take this record or its batch.
    Refused(Failure, Cause),
    Sink(SinkError),
}

impl From<SinkError> for Fault {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl Fault {
    /// What it means that a record was not taken. `fatal` is what the client says of itself.
    pub(super) fn of_delivery(failure: Failure, fatal: Option<(RDKafkaErrorCode, String)>) -> Self {
        use RDKafkaErrorCode as Code;
        match failure.code {
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => {
                Self::Refused(failure, Cause::Size)
            }
            Code::InvalidRecord | Code::InvalidTimestamp | Code::UnsupportedForMessageFormat => {
                Self::Refused(failure, Cause::Content)
            }
            // The transaction failed before this record went out: the cause is with the client.
            _ if failure.is_consequence() => match fatal {
                Some((code, text)) => SinkError::from_code(code, true, text).into(),
                None => SinkError::Unavailable(failure.reason).into(),
            },
            code => SinkError::from_code(code, false, failure.reason).into(),
        }
    }

    /// The last word.
    pub(super) fn public(self, transaction: &Transaction) -> SinkError {
        match self {
            Self::Sink(error) => error,
            Self::Refused(Failure { index, reason, .. }, _) => {
                let topic = Arc::clone(&transaction.records[index].topic);
                SinkError::Rejected { topic, index, reason }
            }
        }
    }
}
