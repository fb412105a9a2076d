//! The progress record: everything a start needs, in one record of a topic of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use weir_dataflow::changelog;

use crate::error::JobError;
use crate::settings::Settings;
use crate::status::Totals;

/// The version of the format that we write, and the only one so far.
pub const VERSION: u32 = 1;

/// The value of the progress record, JSON. Written in every transaction of the job, keyed by the job id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// [`VERSION`].
    pub version: u32,
    /// Counts the commits of the job over all its runs.
    pub sequence: u64,
    /// Which run wrote it.
    pub instance: String,
    /// Length of a window in seconds.
    pub window: u64,
    /// Watermark lag in seconds.
    pub lag: u64,
    /// `--max-ahead` in milliseconds.
    pub max_ahead_ms: i64,
    /// The job's currency.
    pub currency: String,
    /// The cut (seconds): the commit holds exactly what is stamped before it.
    pub frontier: u64,
    /// Windows that end at or before it (seconds) are final.
    pub final_until: u64,
    /// What has become of all records.
    pub totals: Totals,
    /// Position in the results topic up to which Parquet is durable.
    pub parquet_position: Option<i64>,
    /// Where each partition is.
    pub partitions: BTreeMap<i32, PartitionProgress>,
    /// Set while the dead-letter or the late topic holds records from `processed` on, written ahead of their cut: a
    /// start reads there which ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_from: Option<RejectedFrom>,
    /// Set after a start without progress that found results, until all of theirs are final: windows that end at or
    /// before it (seconds) may hold less than was published, as what they were made of is still being read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilt_until: Option<u64>,
    /// The published windows that may still be revised, by start (seconds).
    pub windows: BTreeMap<u64, Published>,
}

/// Positions in the topics of rejected records, by partition: what was written ahead of its cut lies there or behind.
/// A partition that is missing is read from its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedFrom {
    /// In the dead-letter topic.
    pub dlq: BTreeMap<i32, i64>,
    /// In the late topic.
    pub late: BTreeMap<i32, i64>,
}

/// Where a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionProgress {
    /// The first record that belongs to no cut yet.
    pub processed: i64,
    /// The first record of any live window.
    pub resume: i64,
    /// Offset and Kafka timestamp of the last record before `processed`.
    pub prior: Option<(i64, Option<i64>)>,
}

/// The last result of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its revision.
    pub revision: u32,
    /// Its totals.
    #[serde(flatten)]
    pub totals: PublishedTotals,
}

/// The totals of a published window; the revenue as text, because JSON numbers end at 2^53 for many readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTotals {
    /// Distinct orders.
    pub orders: u64,
    /// Revenue in minor units.
    #[serde(with = "cents")]
    pub cents: i128,
    /// Sum of quantities.
    pub items: i64,
    /// Distinct users.
    pub users: u64,
}

impl From<changelog::Totals> for PublishedTotals {
    fn from(totals: changelog::Totals) -> Self {
        Self {
            orders: totals.orders,
            cents: totals.cents,
            items: totals.items,
            users: totals.users,
        }
    }
}

mod cents {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(cents: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(cents)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Progress {
    /// Reads the value of a progress record.
    ///
    /// # Errors
    /// [`JobError::Progress`] when it is none, or one of a version that this program does not know.
    pub fn read(value: &[u8]) -> Result<Self, JobError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let unreadable = |error: serde_json::Error| {
            JobError::Progress(format!(
                "the record is none of this job's ({error}); take a new --job-id, or remove what else writes there"
            ))
        };
        // First the version alone: another one may look different in every other way.
        let Version { version } = serde_json::from_slice(value).map_err(unreadable)?;
        if version != VERSION {
            return Err(JobError::Progress(format!(
                "the record has version {version} and this program reads version {VERSION}: run a release that knows it"
            )));
        }
        serde_json::from_slice(value).map_err(unreadable)
    }

    /// The bytes that are written.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self)
            .expect("a progress record has string and integer keys only, so it always serialises")
    }

    /// Whether the settings that give the windows their meaning are those of the progress.
    ///
    /// # Errors
    /// [`JobError::Setting`] naming the key that was changed.
    pub fn check(&self, settings: &Settings) -> Result<(), JobError> {
        let changed = |key: &'static str, then: String, now: String| {
            let job = &settings.job_id;
            let fault =
                format!("is {now}, but job `{job}` has run with {then}: use a new --job-id to change it");
            Err(JobError::setting(key, fault))
        };
        let seconds = |duration: Duration| duration.as_secs();
        if self.window != seconds(settings.window) {
            return changed(
                "window",
                format!("{}s", self.window),
                format!("{}s", seconds(settings.window)),
            );
        }
        if self.lag != seconds(settings.watermark_lag) {
            return changed(
                "watermark-lag",
                format!("{}s", self.lag),
                format!("{}s", seconds(settings.watermark_lag)),
            );
        }
        let max_ahead_ms = settings.rules().max_ahead_ms;
        if self.max_ahead_ms != max_ahead_ms {
            return changed(
                "max-ahead",
                format!("{}ms", self.max_ahead_ms),
                format!("{max_ahead_ms}ms"),
            );
        }
        if self.currency != settings.currency {
            return changed("currency", self.currency.clone(), settings.currency.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
