//! Whether the log is still the one that the job has read.

use std::collections::BTreeMap;

use weir_kafka::{Connection, offsets, records_at};

use crate::error::JobError;
use crate::progress::PartitionProgress;
use crate::settings::Settings;

/// The record before `processed` must still be the one that was read there, in every partition that holds it.
pub(super) fn check_priors(
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
