//! Which records are in the topics of rejects already.

use std::collections::{BTreeMap, HashMap};

use weir_dataflow::source::RejectedBefore;
use weir_kafka::{Connection, OwnedRecord, offsets, partitions, read_range};

use crate::error::JobError;
use crate::progress::RejectedFrom;
use crate::settings::Settings;

/// What the dead-letter and the late topic hold of the orders topic, from these positions on.
pub(super) fn rejected_before(
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
pub(super) fn for_each_record(
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
