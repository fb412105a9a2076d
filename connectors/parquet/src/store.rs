//! The results of one job under one root: merged into the files that lie there.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use weir_objects::{Bucket, Location};
use weir_proto::{AnalyticsResult, Timestamp};

use crate::folder::Folder;
use crate::hour::{Hour, TABLE};
use crate::objects::Objects;
use crate::owner::{OWNER, Owner};
use crate::rows::Rows;
use crate::{StoreError, format};

/// From what lies in a file to what shall lie there; `None` leaves it.
pub(crate) type Decide = Arc<dyn Fn(Option<Bytes>) -> Result<Option<Vec<u8>>, StoreError> + Send + Sync>;

/// What a merge has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files written; 0 when everything was there already.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Results in a folder, in a bucket or in memory. Cheap to clone; clones write to the same place.
///
/// # Examples
/// ```
/// # use weir_parquet::Store;
/// # use weir_proto::{AnalyticsResult, MoneySum, ResultTotals, Timestamp};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let store = Store::open("memory:", "order-analytics").await?;
/// let start = Timestamp::parse_rfc3339("2026-11-23T02:36:00Z")?;
/// let end = Timestamp::parse_rfc3339("2026-11-23T02:37:00Z")?;
/// let totals = ResultTotals {
///     order_count: 3,
///     total_revenue: MoneySum::from_minor(389_70),
///     total_items: 7,
///     unique_users: 2,
/// };
/// let row = AnalyticsResult::new(start..end, totals, 0)?;
/// assert_eq!(store.merge(&[row]).await?.files, 1);
/// assert_eq!(store.merge(&[row]).await?.files, 0);
/// assert_eq!(store.read_all().await?, [row]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Folder(Folder),
    Objects(Objects),
}

impl Store {
    /// Opens the place a URL names and claims it for a job: from then on no other job id is let in.
    ///
    /// `gs://BUCKET/PREFIX`, `s3://BUCKET/PREFIX`, `file:///PATH`, the path of a folder (created when missing), or
    /// `memory:`. Credentials and endpoints come from the usual environment variables (`AWS_*`, `GOOGLE_*`).
    ///
    /// # Errors
    /// A wrong URL, wrong settings or another owner ([`StoreError::is_configuration`]), or a storage that cannot be
    /// reached or written (worth another attempt).
    pub fn open<'a>(url: &'a str, job_id: &'a str) -> BoxFuture<'a, Result<Self, StoreError>> {
        Box::pin(async move { Self::open_with(url, job_id, &weir_objects::environment()).await })
    }

    /// As [`Store::open`], with these settings in place of the environment; names as there (`AWS_ENDPOINT`, ...).
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with<'a>(
        url: &'a str,
        job_id: &'a str,
        settings: &'a [(String, String)],
    ) -> BoxFuture<'a, Result<Self, StoreError>> {
        Box::pin(async move {
            let location = Location::parse(url)?;
            let owner = Owner::new(url, job_id)?;
            let store = Self {
                place: Place::connect(&location, settings, &owner)?,
            };
            store.claim(owner).await?;
            Ok(store)
        })
    }

    /// Of two jobs that come at once one wins.
    async fn claim(&self, owner: Owner) -> Result<(), StoreError> {
        let described = self.describe(OWNER);
        // Read first: a place that is ours already can be opened while it cannot be written, and the writer will wait.
        let known = self.place.read(OWNER).await?;
        if let Some(note) = &known {
            owner.check(&described, note)?;
        }
        match &self.place {
            Place::Objects(_) if known.is_some() => Ok(()),
            Place::Objects(objects) => {
                let decide: Decide = Arc::new(move |found| owner.claim(&described, found));
                objects.update(OWNER, &decide).await.map(drop)
            }
            Place::Folder(folder) => {
                let folder = folder.clone();
                let claimed = tokio::task::spawn_blocking(move || {
                    match known {
                        None => folder.claim(),
                        Some(_) => Ok(()),
                    }
                    .inspect(|()| {
                        // What a killed writer left is small and will be overwritten: not worth a refusal.
                        if let Err(error) = folder.clean() {
                            tracing::debug!(%error, "left-over temporary file not removed");
                        }
                    })
                })
                .await;
                claimed.map_err(|error| StoreError::of_lost_work(self.describe(OWNER), &error))?
            }
        }
    }

    /// Merges results into the files of their hours: a window that is there is replaced only by a higher revision,
    /// and no window ever goes. A file that would not change is not written.
    ///
    /// Each file is replaced in one step, so that a reader sees the old or the new one; concurrent merges, from
    /// whichever process, lose nothing of each other.
    ///
    /// # Errors
    /// At the first file that fails; those of earlier hours are written then. Merging the same rows again is safe.
    pub fn merge<'a>(&'a self, rows: &'a [AnalyticsResult]) -> BoxFuture<'a, Result<Written, StoreError>> {
        Box::pin(async move {
            let mut hours: BTreeMap<Hour, Rows> = BTreeMap::new();
            for row in rows {
                hours.entry(Hour::of(row.window_start())).or_default().take(*row);
            }
            let mut written = Written::default();
            for (hour, rows) in hours {
                if let Some(bytes) = self.merge_hour(hour, rows.to_vec()).await? {
                    written.files += 1;
                    written.bytes += bytes;
                }
            }
            Ok(written)
        })
    }

    /// All results, in the order of their windows.
    ///
    /// # Errors
    /// A storage that cannot be read, or a file that is not ours.
    pub fn read_all(&self) -> BoxFuture<'_, Result<Vec<AnalyticsResult>, StoreError>> {
        self.read_hours(Timestamp::FIRST, Timestamp::LAST)
    }

    /// The results of all hours that begin in or overlap `from..=to`, in the order of their windows. Hours are read
    /// whole: the first and the last may hold windows outside.
    ///
    /// # Errors
    /// As [`Store::read_all`].
    pub fn read_hours(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<AnalyticsResult>, StoreError>> {
        Box::pin(async move {
            let asked_for = Hour::of(from)..=Hour::of(to);
            let mut results = Vec::new();
            for hour in self
                .place
                .hours()
                .await?
                .into_iter()
                .filter(|hour| asked_for.contains(hour))
            {
                let path = hour.path();
                // A file that has gone since it was listed has nothing to tell.
                let Some(content) = self.place.read(&path).await? else {
                    continue;
                };
                let described = self.place.describe(&path);
                let decoded = tokio::task::spawn_blocking(move || decode(described, content)).await;
                results.extend(
                    decoded.map_err(|error| StoreError::of_lost_work(self.describe(&path), &error))??,
                );
            }
            Ok(results)
        })
    }

    /// Merges rows of one hour; the bytes written, if any were.
    pub(crate) async fn merge_hour(
        &self,
        hour: Hour,
        rows: Vec<AnalyticsResult>,
    ) -> Result<Option<u64>, StoreError> {
        let path = hour.path();
        let described = self.place.describe(&path);
        let decide = move |current: Option<Bytes>| {
            let mut merged = Rows::default();
            if let Some(content) = current {
                merged.take_all(decode(described.clone(), content)?);
            }
            let changed = merged.take_all(rows.iter().copied());
            if changed {
                format::encode(&merged.to_vec()).map(Some)
            } else {
                Ok(None)
            }
        };
        self.update(&path, Arc::new(decide)).await
    }

    async fn update(&self, path: &str, decide: Decide) -> Result<Option<u64>, StoreError> {
        match &self.place {
            Place::Objects(objects) => objects.update(path, &decide).await,
            Place::Folder(folder) => {
                let (folder, owned) = (folder.clone(), path.to_owned());
                let done = tokio::task::spawn_blocking(move || folder.update(&owned, &*decide)).await;
                done.map_err(|error| StoreError::of_lost_work(self.describe(path), &error))?
            }
        }
    }

    /// How many files may well be written at a time.
    pub(crate) fn parallel(&self) -> usize {
        match &self.place {
            // They would wait for one lock.
            Place::Folder(_) => 1,
            // Mostly waiting for answers.
            Place::Objects(_) => 8,
        }
    }

    fn describe(&self, path: &str) -> String {
        self.place.describe(path)
    }
}

impl Place {
    fn connect(
        location: &Location,
        settings: &[(String, String)],
        owner: &Owner,
    ) -> Result<Self, StoreError> {
        Ok(match location {
            Location::Folder(root) => Self::Folder(Folder::new(root.clone(), owner.clone())),
            others => Self::Objects(Objects(Bucket::open(others, settings)?)),
        })
    }

    fn describe(&self, path: &str) -> String {
        match self {
            Self::Folder(folder) => folder.describe(path),
            Self::Objects(objects) => objects.describe(path),
        }
    }

    async fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Objects(objects) => objects.read(path).await,
            Self::Folder(folder) => {
                let (folder, owned) = (folder.clone(), path.to_owned());
                let done = tokio::task::spawn_blocking(move || folder.read(&owned)).await;
                done.map_err(|error| StoreError::of_lost_work(self.describe(path), &error))?
            }
        }
    }

    async fn hours(&self) -> Result<Vec<Hour>, StoreError> {
        match self {
            Self::Objects(objects) => objects.hours().await,
            Self::Folder(folder) => {
                let folder = folder.clone();
                let done = tokio::task::spawn_blocking(move || folder.hours()).await;
                done.map_err(|error| StoreError::of_lost_work(self.describe(TABLE), &error))?
            }
        }
    }
}

fn decode(path: String, content: Bytes) -> Result<Vec<AnalyticsResult>, StoreError> {
    format::decode(content).map_err(|error| StoreError::Corrupt {
        path,
        reason: error.to_string(),
    })
}
