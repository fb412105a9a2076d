//! Where a run begins: the progress record, compared with the log and the settings.

mod anew;
mod rejected;
mod same_log;

use std::collections::BTreeMap;

use weir_dataflow::source::{Start, StartPartition};
use weir_dataflow::window::Rules;
use weir_kafka::{Connection, offsets, read_last};

use self::anew::anew;
#[cfg(test)]
pub(crate) use self::anew::begin_anew;
use self::rejected::rejected_before;
use self::same_log::check_priors;
use crate::error::JobError;
use crate::progress::{Progress, Published, RejectedFrom};
use crate::settings::Settings;
use crate::status::Totals;

/// Everything a run begins with.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    /// For the source.
    pub(crate) start: Start,
    /// What has become of all records so far.
    pub(crate) totals: Totals,
    /// The last result of each window that may still be revised.
    pub(crate) published: BTreeMap<u64, Published>,
    /// The record before `processed`, by partition.
    pub(crate) priors: BTreeMap<i32, Option<(i64, Option<i64>)>>,
    /// Sequence number of the last commit.
    pub(crate) sequence: u64,
    /// Position in the results topic up to which Parquet is durable.
    pub(crate) parquet_position: Option<i64>,
    /// Records that had to be read again, or for the first time, and that the log no longer holds.
    pub(crate) lost: u64,
    /// Where the rejects lie that were written ahead of their cut.
    pub(crate) rejected_from: Option<RejectedFrom>,
    /// Windows that end at or before it (seconds) were published by runs whose progress is lost; 0 when there are none.
    pub(crate) rebuilt_until: u64,
    /// The ends of the partitions as they were found.
    pub(crate) ends: BTreeMap<i32, (i64, i64)>,
}

/// Reads where the job was. To be called after the sink has connected, which fences whoever ran before.
///
/// # Errors
/// [`JobError::Setting`] for settings that may not change, [`JobError::LogReplaced`] when the log is another one.
pub(crate) fn begin(connection: &Connection, settings: &Settings) -> Result<Beginning, JobError> {
    let key = settings.job_id.as_bytes();
    let last = read_last(connection, &settings.progress_topic(), 0, |record| {
        record.key.as_deref() == Some(key) && record.value.is_some()
    })?;
    // Asked after the progress was read: one that has stood still meanwhile, and was taken over, must not take what its
    // successor has read for what the log does not have.
    let ends = offsets(connection, &settings.orders_topic)?;
    match last.and_then(|record| record.value) {
        Some(value) => {
            let progress = Progress::read(&value).map_err(|error| match error {
                JobError::Progress(fault) => {
                    JobError::Progress(format!("topic `{}`: {fault}", settings.progress_topic()))
                }
                other => other,
            })?;
            progress.check(settings)?;
            resume(connection, settings, progress, ends)
        }
        None => anew(connection, settings, ends),
    }
}

fn resume(
    connection: &Connection,
    settings: &Settings,
    progress: Progress,
    ends: BTreeMap<i32, (i64, i64)>,
) -> Result<Beginning, JobError> {
    let replaced = |fault| JobError::LogReplaced {
        topic: settings.orders_topic.clone(),
        fault,
    };
    check_priors(connection, settings, &progress.partitions, &ends)?;
    let mut beginning = resume_from(&settings.rules(), progress, ends).map_err(replaced)?;
    if let Some(from) = &beginning.rejected_from {
        let partitions = &beginning.start.partitions;
        let read_again = |source: &(i32, i64)| {
            partitions
                .get(&source.0)
                .is_some_and(|partition| source.1 >= partition.resume)
        };
        let mut rejected = rejected_before(connection, settings, from)?;
        rejected.retain(|source, _| read_again(source));
        beginning.start.rejected = rejected;
    }
    if beginning.lost > 0 {
        tracing::error!(
            records = beginning.lost,
            "the log begins after what the job must read again: published windows are frozen, later orders for them go to the \
             late topic"
        );
    }
    Ok(beginning)
}

/// Where a run goes on, by the progress and the first and last offsets of the log.
///
/// # Errors
/// What shows that the log is another one.
pub(crate) fn resume_from(
    rules: &Rules,
    progress: Progress,
    ends: BTreeMap<i32, (i64, i64)>,
) -> Result<Beginning, String> {
    let mut start = Start {
        frontier: progress.frontier,
        final_until: progress
            .final_until
            .max(progress.frontier.saturating_sub(rules.lateness)),
        ..Start::default()
    };
    let mut lost = 0;
    for (&partition, known) in &progress.partitions {
        let Some(&(first, end)) = ends.get(&partition) else {
            return Err(format!("partition {partition} is gone"));
        };
        if end < known.processed {
            return Err(format!(
                "partition {partition} ends at offset {end}, the job has read to {}",
                known.processed
            ));
        }
        lost += (first - known.resume).max(0).unsigned_abs();
        let at = StartPartition {
            processed: known.processed.max(first),
            resume: known.resume.max(first),
        };
        start.partitions.insert(partition, at);
    }
    if lost > 0 {
        // What was published stays as it was: a replay that lacks orders must not change it.
        let published = progress
            .windows
            .keys()
            .map(|window| rules.end(*window))
            .max()
            .unwrap_or(0);
        start.final_until = start.final_until.max(published);
    }
    for (&partition, &(first, _)) in &ends {
        start
            .partitions
            .entry(partition)
            .or_insert(StartPartition::at(first));
    }
    let live = |window: &u64| rules.end(*window) > start.final_until;
    Ok(Beginning {
        totals: progress.totals,
        published: progress
            .windows
            .into_iter()
            .filter(|(window, _)| live(window))
            .collect(),
        priors: progress
            .partitions
            .iter()
            .map(|(partition, known)| (*partition, known.prior))
            .collect(),
        sequence: progress.sequence,
        parquet_position: progress.parquet_position,
        rejected_from: progress.rejected_from,
        rebuilt_until: progress.rebuilt_until.unwrap_or(0),
        start,
        lost,
        ends,
    })
}
