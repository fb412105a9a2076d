//! Whose place it is: `_job` under the root names the job that writes there.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use weir_objects::PlaceError;

use crate::StoreError;

/// Its name begins with `_`, which readers of data sets skip.
pub(crate) const OWNER: &str = "_job";

/// What `_job` holds.
#[derive(Serialize, Deserialize)]
struct Note {
    job_id: String,
}

/// The job that claims a place. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// The URL of the place, for messages.
    root: Arc<str>,
    job_id: Arc<str>,
}

impl Owner {
    pub(crate) fn new(url: &str, job_id: &str) -> Result<Self, StoreError> {
        if job_id.is_empty() {
            let url = url.to_owned();
            let reason = "the job id is empty".into();
            return Err(PlaceError::Settings { url, reason }.into());
        }
        Ok(Self {
            root: url.into(),
            job_id: job_id.into(),
        })
    }

    /// Whether a note found at `path` names this job.
    pub(crate) fn check(&self, path: &str, note: &[u8]) -> Result<(), StoreError> {
        let found: Note = serde_json::from_slice(note).map_err(|error| StoreError::Corrupt {
            path: path.to_owned(),
            reason: format!("it does not name a job: {error}"),
        })?;
        if *found.job_id == *self.job_id {
            return Ok(());
        }
        Err(StoreError::OwnedBy {
            root: self.root.to_string(),
            owner: found.job_id,
            job_id: self.job_id.to_string(),
        })
    }

    /// Makes a place without a note the job's own and leaves one that is; refuses another's.
    pub(crate) fn claim(&self, path: &str, found: Option<Bytes>) -> Result<Option<Vec<u8>>, StoreError> {
        match found {
            Some(note) => self.check(path, &note).map(|()| None),
            None => {
                let note = Note {
                    job_id: self.job_id.to_string(),
                };
                Ok(Some(serde_json::to_vec(&note).expect("a string is always JSON")))
            }
        }
    }
}
