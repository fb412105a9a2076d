//! Files that a service keeps: in a folder, S3, Google Cloud Storage or memory, by a URL alone.
//!
//! Files have no directory of their own: which ones there are, and which of them count, is for the database of the service
//! to know. So a file is put first and referred to after, and removed only when nothing refers to it any more.

mod name;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use weir_objects::{Bucket, Location};

pub use name::FileName;
pub use weir_objects::PlaceError;

use crate::boxed::Boxed;
use crate::failure::{Code, Failure};

/// How long one of these may take, its repetitions included: whoever waits for it has a deadline of that order.
const PATIENCE: Duration = Duration::from_secs(10);

/// A store of files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    bucket: Bucket,
}

impl Files {
    /// The place that a URL names: `gs://BUCKET/PREFIX`, `s3://BUCKET/PREFIX`, `file:///PATH`, the path of a folder (made when
    /// missing), or `memory:`. Credentials and endpoints come from the usual environment variables (`AWS_*`, `GOOGLE_*`).
    ///
    /// # Errors
    /// The URL or the settings are wrong, or the folder cannot be made. A bucket is not asked for: it may be away.
    pub fn open(url: &str) -> Result<Files, PlaceError> {
        Files::open_with(url, &weir_objects::environment())
    }

    /// As [`Files::open`], with these settings in place of the environment.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn open_with(url: &str, settings: &[(String, String)]) -> Result<Files, PlaceError> {
        let bucket = Bucket::open(&Location::parse(url)?, settings)?;
        Ok(Files { bucket })
    }

    /// Puts a file, over one that lies there. Readers see the old or the new one, whole.
    ///
    /// # Errors
    /// `unavailable` or `timeout`: it may lie there or not.
    pub fn put<'a>(&'a self, name: &'a FileName, content: Bytes) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(async move {
            let put = self.put_as(name, content, PutMode::Overwrite);
            self.work("write", name, put).await.map(drop)
        })
    }

    /// Puts a file unless one lies there, and gives the one that lies there then: of several who put one at once all get the
    /// same, and it never changes.
    ///
    /// # Errors
    /// `unavailable` or `timeout`: it may lie there or not.
    pub fn put_once<'a>(&'a self, name: &'a FileName, content: Bytes) -> Boxed<'a, Result<Bytes, Failure>> {
        Box::pin(async move {
            let put = self.put_as(name, content.clone(), PutMode::Create);
            let is_ours = self.work("write", name, put).await?.is_some();
            if is_ours {
                return Ok(content);
            }
            let gone = || unavailable("a file that was there has gone");
            self.get(name).await?.ok_or_else(gone)
        })
    }

    /// A file; `None` where there is none of this name.
    ///
    /// # Errors
    /// `unavailable` or `timeout`.
    pub fn get<'a>(&'a self, name: &'a FileName) -> Boxed<'a, Result<Option<Bytes>, Failure>> {
        Box::pin(async move {
            let get = async { self.bucket.store().get(&self.key(name)).await?.bytes().await };
            self.work("read", name, get).await
        })
    }

    /// Removes a file, if there is one.
    ///
    /// # Errors
    /// `unavailable` or `timeout`: it may lie there or not.
    pub fn remove<'a>(&'a self, name: &'a FileName) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(async move {
            let key = self.key(name);
            self.work("remove", name, self.bucket.store().delete(&key))
                .await
                .map(drop)
        })
    }

    async fn put_as(&self, name: &FileName, content: Bytes, mode: PutMode) -> Result<(), Error> {
        let options = PutOptions {
            mode,
            ..PutOptions::default()
        };
        let (key, payload) = (self.key(name), PutPayload::from(content));
        self.bucket
            .store()
            .put_opts(&key, payload, options)
            .await
            .map(drop)
    }

    fn key(&self, name: &FileName) -> object_store::path::Path {
        self.bucket.key(name.as_str())
    }

    /// Does it within the patience. `None` where it is not there, or is there already.
    async fn work<T>(
        &self,
        action: &'static str,
        name: &FileName,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Option<T>, Failure> {
        let file = || self.bucket.describe(name.as_str());
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err(Error::NotFound { .. } | Error::AlreadyExists { .. } | Error::Precondition { .. })) => {
                Ok(None)
            }
            Ok(Err(error)) => {
                let reason = weir_objects::reason(&error);
                tracing::warn!(action, file = file(), reason, "the file store failed");
                Err(unavailable("the file store cannot be reached"))
            }
            Err(_) => {
                tracing::warn!(action, file = file(), "the file store did not answer in time");
                Err(Failure::new(
                    Code::Timeout,
                    "the file store did not answer in time",
                ))
            }
        }
    }
}

fn unavailable(detail: &str) -> Failure {
    Failure::new(Code::Unavailable, detail)
}
