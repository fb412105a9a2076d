//! Where a run begins: the progress record, compared with the log and the settings.

use std::collections::{BTreeMap, HashMap};

use weir_dataflow::source::{RejectedBefore, Start, StartPartition};
use weir_dataflow::window::Rules;
use weir_kafka::{
    Connection, OwnedRecord, TailError, TopicError, TopicSpec, ensure_unless, offsets, partitions, read_last,
    read_range, records_at,
};
use weir_proto::AnalyticsResult;

use crate::error::JobError;
use crate::progress::{PartitionProgress, Progress, Published, PublishedTotals, RejectedFrom};
use crate::settings::Settings;
use crate::status::Totals;

/// The results, the windows and the progress may lie for ten years.
const LONG_RETENTION_MS: &str = "315360000000";

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

impl From<TopicError> for JobError {
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::Unavailable { .. } | TopicError::Stopped => Self::Unavailable(error.to_string()),
            TopicError::Connection(_) | TopicError::Refused { .. } | TopicError::Missing(_) => {
                Self::Refused(error.to_string())
            }
        }
    }
}

impl From<TailError> for JobError {
    fn from(error: TailError) -> Self {
        match error {
            TailError::Topic(error) => error.into(),
            // A log that was cut while it was read is read again from where it begins now.
            TailError::Unavailable { .. } | TailError::OutOfRange { .. } => {
                Self::Unavailable(error.to_string())
            }
            TailError::Connection(_) | TailError::Refused { .. } => Self::Refused(error.to_string()),
        }
    }
}

/// Creates what is missing of the job's topics; waits for the broker until `stop` says so.
///
/// # Errors
/// When the broker refuses.
pub(crate) fn ensure_topics(
    connection: &Connection,
    settings: &Settings,
    stop: &dyn Fn() -> bool,
) -> Result<(), JobError> {
    let spec = |name: &str, partitions, configs: &[(&'static str, &str)]| TopicSpec {
        name: name.to_owned(),
        partitions,
        configs: configs
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect(),
    };
    let long = [("cleanup.policy", "delete"), ("retention.ms", LONG_RETENTION_MS)];
    let progress = [
        ("cleanup.policy", "compact"),
        ("retention.ms", "-1"),
        ("retention.bytes", "-1"),
        ("max.message.bytes", "16777216"),
    ];
    let specs = [
        spec(&settings.orders_topic, settings.orders_partitions, &[]),
        spec(&settings.results_topic, 1, &long),
        spec(&settings.dlq_topic, 1, &long),
        spec(&settings.late_topic, 1, &long),
        spec(&settings.progress_topic(), 1, &progress),
    ];
    Ok(ensure_unless(connection, &specs, stop)?)
}

/// Reads where the job was. To be called after the sink has connected, which fences whoever ran before.
///
/// # Errors
/// [`JobError::Setting`] for settings that may not change, [`JobError::LogReplaced`] when the log is another one.
pub(crate) fn begin(connection: &Connection, settings: &Settings) -> Result<Beginning, JobError> {
    let ends = offsets(connection, &settings.orders_topic)?;
    let key = settings.job_id.as_bytes();
    let last = read_last(connection, &settings.progress_topic(), 0, |record| {
        record.key.as_deref() == Some(key) && record.value.is_some()
    })?;
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

/// The record before `processed` must still be the one that was read there, in every partition that holds it.
fn check_priors(
    connection: &Connection,
    settings: &Settings,
    known: &BTreeMap<i32, PartitionProgress>,
    ends: &BTreeMap<i32, (i64, i64)>,
) -> Result<(), JobError> {
    let topic = &settings.orders_topic;
    let priors: BTreeMap<i32, (i64, Option<i64>)> = known
        .iter()
        .filter_map(|(&partition, known)| {
            let (first, end) = ends.get(&partition)?;
            let (offset, timestamp) = known.prior?;
            // What retention took cannot be compared, and a log that ends before `processed` is another one anyway.
            (offset >= *first && known.processed <= *end).then_some((partition, (offset, timestamp)))
        })
        .collect();
    let asked = priors
        .iter()
        .map(|(&partition, &(offset, _))| (partition, offset))
        .collect();
    let found = records_at(connection, topic, &asked)?;
    let another = priors.iter().find(|(partition, (_, timestamp))| {
        let record = found.get(partition).and_then(Option::as_ref);
        record.map(|record| record.timestamp) != Some(*timestamp)
    });
    let Some((&partition, &(offset, _))) = another else {
        return Ok(());
    };
    let now = offsets(connection, topic)?;
    if now.get(&partition).is_some_and(|(first, _)| *first > offset) {
        // Retention took it meanwhile: the start is made again with the log as it is now.
        let text = format!("partition {partition} was cut while it was looked at");
        return Err(JobError::Unavailable(text));
    }
    Err(JobError::LogReplaced {
        topic: topic.clone(),
        fault: format!(
            "partition {partition} does not hold the record at offset {offset} that the job has read there"
        ),
    })
}

/// A start without progress. Results that are there all the same were published by a run whose progress was lost:
/// neither they nor the rejects are written twice.
fn anew(
    connection: &Connection,
    settings: &Settings,
    ends: BTreeMap<i32, (i64, i64)>,
) -> Result<Beginning, JobError> {
    let mut published: BTreeMap<u64, Published> = BTreeMap::new();
    for_each_record(connection, &settings.results_topic, &BTreeMap::new(), |record| {
        let Some(result) = record
            .value
            .as_deref()
            .and_then(|value| AnalyticsResult::from_json(value).ok())
        else {
            return;
        };
        let length_ms = result.window_end.millis() - result.window_start.millis();
        if u128::from(length_ms.unsigned_abs()) != settings.window.as_millis() {
            // Of a job with other windows.
            return;
        }
        let window = (result.window_start.millis() / 1_000).unsigned_abs();
        let newer = published
            .get(&window)
            .is_none_or(|known| known.revision <= result.revision);
        if newer {
            let totals = PublishedTotals {
                orders: result.order_count,
                cents: result.total_revenue.minor(),
                items: result.total_items,
                users: result.unique_users,
            };
            published.insert(
                window,
                Published {
                    revision: result.revision,
                    totals,
                },
            );
        }
    })?;
    let from = RejectedFrom::default();
    let rejected = rejected_before(connection, settings, &from)?;
    if !published.is_empty() || !rejected.is_empty() {
        tracing::warn!(
            windows = published.len(),
            rejects = rejected.len(),
            "there is no progress but there are results: the log is read from its beginning, nothing is written twice"
        );
    }
    let rejected_from = (!rejected.is_empty()).then_some(from);
    Ok(Beginning {
        rejected_from,
        ..begin_anew(&settings.rules(), published, rejected, ends)
    })
}

/// Where a run begins that has no progress: at the beginning of the log, with what was published and rejected before.
pub(crate) fn begin_anew(
    rules: &Rules,
    published: BTreeMap<u64, Published>,
    rejected: HashMap<(i32, i64), RejectedBefore>,
    ends: BTreeMap<i32, (i64, i64)>,
) -> Beginning {
    let partitions = ends
        .iter()
        .map(|(&partition, &(first, _))| (partition, StartPartition::at(first)));
    Beginning {
        start: Start {
            partitions: partitions.collect(),
            rejected,
            ..Start::default()
        },
        rebuilt_until: published.keys().next_back().map_or(0, |last| rules.end(*last)),
        published,
        ends,
        ..Beginning::default()
    }
}

fn rejected_before(
    connection: &Connection,
    settings: &Settings,
    from: &RejectedFrom,
) -> Result<HashMap<(i32, i64), RejectedBefore>, JobError> {
    let mut rejected = HashMap::new();
    let topics = [
        (&settings.dlq_topic, &from.dlq, RejectedBefore::Invalid),
        (&settings.late_topic, &from.late, RejectedBefore::Late),
    ];
    for (topic, from, kind) in topics {
        for_each_record(connection, topic, from, |record| {
            let header = |name: &str| {
                let found = record.headers.iter().find(|(key, _)| key == name);
                found.and_then(|(_, value)| std::str::from_utf8(value).ok())
            };
            if header("source_topic") != Some(settings.orders_topic.as_str()) {
                return;
            }
            let partition = header("source_partition").and_then(|text| text.parse().ok());
            let offset = header("source_offset").and_then(|text| text.parse().ok());
            if let Some(source) = partition.zip(offset) {
                rejected.insert(source, kind);
            }
        })?;
    }
    Ok(rejected)
}

/// Every committed record of a topic; of a partition in `from` only those from its position on.
fn for_each_record(
    connection: &Connection,
    topic: &str,
    from: &BTreeMap<i32, i64>,
    mut each: impl FnMut(OwnedRecord),
) -> Result<(), JobError> {
    let firsts = offsets(connection, topic)?;
    for partition in partitions(connection, topic)? {
        let (first, end) = firsts.get(&partition).copied().unwrap_or_default();
        // A position beyond the end is one of a topic that was made anew.
        let known = from.get(&partition).filter(|position| **position <= end);
        let from = known.copied().unwrap_or(first).max(first);
        read_range(connection, topic, partition, from, &mut each)?;
    }
    Ok(())
}
