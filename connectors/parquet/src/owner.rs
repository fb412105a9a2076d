//! Whose place it is: `_job` under the root names the job that writes there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::store::Store;

/// Its name begins with `_`, which readers of data sets skip.
const OWNER: &str = "_job";

#[derive(Serialize, Deserialize)]
struct Owner {
    job_id: String,
}

/// Makes the place the job's own, unless it is another's. Of two jobs that come at once one wins.
pub(crate) async fn claim(store: &Store, url: &str, job_id: &str) -> Result<(), StoreError> {
    if job_id.is_empty() {
        return Err(StoreError::Settings {
            url: url.to_owned(),
            reason: "the job id is empty".into(),
        });
    }
    let check = {
        let (root, path, job_id) = (url.to_owned(), store.describe(OWNER), job_id.to_owned());
        move |content: &[u8]| {
            let owner: Owner = serde_json::from_slice(content).map_err(|error| StoreError::Corrupt {
                path: path.clone(),
                reason: format!("it does not name a job: {error}"),
            })?;
            if owner.job_id == job_id {
                return Ok(());
            }
            Err(StoreError::OwnedBy {
                root: root.clone(),
                owner: owner.job_id,
                job_id: job_id.clone(),
            })
        }
    };
    // Read first: a place that is ours already can be opened while it cannot be written, and the writer will wait.
    if let Some(content) = store.read(OWNER).await? {
        return check(&content);
    }
    let ours = serde_json::to_vec(&Owner {
        job_id: job_id.to_owned(),
    })
    .expect("a string is always JSON");
    let decide = move |current: Option<bytes::Bytes>| match current {
        Some(content) => check(&content).map(|()| None),
        None => Ok(Some(ours.clone())),
    };
    store.update(OWNER, Arc::new(decide)).await.map(drop)
}
