//! Objects in a bucket: read with their version, written only while that version stands.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};
use weir_objects::{Bucket, reason};

use crate::StoreError;
use crate::hour::{Hour, TABLE};
use crate::store::Decide;

/// How often to begin again when others write the same object; each time one of them got on.
const TRIES: u32 = 20;

/// The objects of a bucket.
#[derive(Clone, Debug)]
pub(crate) struct Objects(pub(crate) Bucket);

impl Objects {
    pub(crate) fn describe(&self, path: &str) -> String {
        self.0.describe(path)
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.get(path).await?.map(|(content, _)| content))
    }

    /// Puts what `decide` makes of the present content in its place, or leaves it; begins again when somebody else
    /// has written meanwhile. Returns the bytes written.
    pub(crate) async fn update(&self, path: &str, decide: &Decide) -> Result<Option<u64>, StoreError> {
        for attempt in 1..=TRIES {
            let (current, mode) = match self.get(path).await? {
                Some((content, version)) => (Some(content), PutMode::Update(version)),
                None => (None, PutMode::Create),
            };
            let decide = decide.clone();
            // Off the runtime's threads: reading and writing Parquet is work.
            let decided = tokio::task::spawn_blocking(move || decide(current)).await;
            let decided = decided.map_err(|error| StoreError::of_lost_work(self.describe(path), &error))?;
            let Some(content) = decided? else { return Ok(None) };
            let bytes = content.len() as u64;
            let options = PutOptions {
                mode,
                ..PutOptions::default()
            };
            let payload = PutPayload::from(content);
            match self.0.store().put_opts(&self.0.key(path), payload, options).await {
                Ok(_) => return Ok(Some(bytes)),
                Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(self.failed("write", path, &error)),
            }
            tokio::time::sleep(Duration::from_millis(5) * attempt).await;
        }
        Err(StoreError::Contended {
            path: self.describe(path),
            tries: TRIES,
        })
    }

    /// The hours that have an object, in order.
    pub(crate) async fn hours(&self) -> Result<Vec<Hour>, StoreError> {
        let objects: Vec<_> = self
            .0
            .store()
            .list(Some(&self.0.key(TABLE)))
            .try_collect()
            .await
            .map_err(|error| self.failed("list", TABLE, &error))?;
        let mut hours: Vec<_> = objects
            .iter()
            .filter_map(|object| self.hour_of(&object.location))
            .collect();
        hours.sort_unstable();
        Ok(hours)
    }

    fn hour_of(&self, location: &Key) -> Option<Hour> {
        let path = location.as_ref().strip_prefix(self.0.prefix().as_ref())?;
        Hour::from_path(path.strip_prefix('/').unwrap_or(path))
    }

    async fn get(&self, path: &str) -> Result<Option<(Bytes, UpdateVersion)>, StoreError> {
        let result = match self.0.store().get(&self.0.key(path)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            result => result.map_err(|error| self.failed("read", path, &error))?,
        };
        let version = UpdateVersion {
            e_tag: result.meta.e_tag.clone(),
            version: result.meta.version.clone(),
        };
        let content = result
            .bytes()
            .await
            .map_err(|error| self.failed("read", path, &error))?;
        Ok(Some((content, version)))
    }

    fn failed(&self, action: &'static str, path: &str, error: &Error) -> StoreError {
        StoreError::Unavailable {
            path: self.describe(path),
            action,
            reason: reason(error),
        }
    }
}
