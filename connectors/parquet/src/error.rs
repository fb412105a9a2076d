//! What can go wrong between a result and the storage.

use weir_objects::PlaceError;
use weir_proto::Timestamp;

/// Why results could not be stored or read.
///
/// The texts are complete (there is no source chain to add) and the same cause gives the same text: no durations,
/// request ids or counters, so that a repeated failure can be told from a new one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL, or the environment's settings for this storage, are wrong.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Another job writes there.
    #[error(
        "{root} belongs to the job `{owner}`, not to `{job_id}`: give each job its own place, or use its job id"
    )]
    OwnedBy {
        /// Where the results lie.
        root: String,
        /// The job that owns it, as `_job` says.
        owner: String,
        /// The job that asked.
        job_id: String,
    },
    /// Another process holds the folder's lock, and has not let go of it for ten seconds.
    #[error("{path} is locked by another process ({holder}); is it frozen?")]
    Locked {
        /// The lock file.
        path: String,
        /// What the lock file says about its holder.
        holder: String,
    },
    /// The operating system or the object store refused.
    #[error("cannot {action} {path}: {reason}")]
    Unavailable {
        /// The file or object, in full.
        path: String,
        /// What was tried: a verb.
        action: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// A file lies there which is not one of ours, or is broken. It is never written over.
    #[error(
        "{path} cannot be read as analytics results ({reason}): it is left as it is; restore it or move it away"
    )]
    Corrupt {
        /// The file or object, in full.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Others wrote the same object again and again while we tried.
    #[error("{path} was changed by others at each of {tries} attempts to write it")]
    Contended {
        /// The object, in full.
        path: String,
        /// How often it was tried.
        tries: u32,
    },
    /// A value does not fit its column.
    #[error("{column} of the window at {window_start} is too large for its column")]
    TooLarge {
        /// The window.
        window_start: Timestamp,
        /// The column.
        column: &'static str,
    },
    /// The background task is gone (its runtime was shut down).
    #[error("the background task that writes results has been stopped")]
    Stopped,
}

impl StoreError {
    /// Whether only another setting helps (another URL, another job id, other credentials' form): waiting does not.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Place(_) | Self::OwnedBy { .. })
    }

    /// Whether the fault is that of one file, so that the others can still be written.
    pub(crate) fn is_of_one_file(&self) -> bool {
        matches!(
            self,
            Self::Corrupt { .. } | Self::Contended { .. } | Self::TooLarge { .. }
        )
    }

    /// The fault without the file at which it showed: while it lasts it is the same at every file.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Unavailable { reason, .. } => reason.clone(),
            other => other.to_string(),
        }
    }

    /// What became of blocking work on a file that did not come back.
    ///
    /// Bytes that no Parquet writer ever wrote can make its reader panic: that is the file's fault, and must not end
    /// whoever writes the other files.
    pub(crate) fn of_lost_work(path: String, error: &tokio::task::JoinError) -> Self {
        if error.is_panic() {
            Self::Corrupt {
                path,
                reason: "the Parquet reader panicked".into(),
            }
        } else {
            Self::Stopped
        }
    }
}
