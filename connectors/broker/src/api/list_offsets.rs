//! ListOffsets and OffsetForLeaderEpoch: where a log begins and ends, and where a moment is in it.

use std::collections::HashSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};

use super::Call;
use super::fetch::check_epoch;
use crate::fault::{Fault, storage};
use crate::log::Isolation;
use crate::node::Node;
use crate::wire::WireError;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const WITH_MAX_TIMESTAMP: i64 = -3;

pub(super) async fn list_offsets(
    call: &Call,
    request: ListOffsetsRequest,
) -> Result<ListOffsetsResponse, WireError> {
    let version = call.head.version;
    let answered = call.on_disk(move |node| {
        let isolation = if request.isolation_level == 1 {
            Isolation::Committed
        } else {
            Isolation::Uncommitted
        };
        // A search by time may read much: once for each partition.
        let mut seen = HashSet::new();
        let mut topic = |topic: ListOffsetsTopic| {
            let partitions = topic
                .partitions
                .iter()
                .filter(|wanted| seen.insert((topic.name.clone(), wanted.partition_index)))
                .map(|wanted| answer_one(version, wanted, find(node, &topic.name, wanted, isolation)))
                .collect();
            ListOffsetsTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions)
        };
        request.topics.into_iter().map(&mut topic).collect()
    });
    Ok(ListOffsetsResponse::default().with_topics(answered.await?))
}

fn answer_one(
    version: i16,
    wanted: &ListOffsetsPartition,
    found: Result<(i64, i64), Fault>,
) -> ListOffsetsPartitionResponse {
    let response = ListOffsetsPartitionResponse::default().with_partition_index(wanted.partition_index);
    match found {
        Ok((offset, timestamp)) => response
            .with_offset(offset)
            .with_timestamp(timestamp)
            // Older versions have no place for it, and the codec refuses what it cannot write.
            .with_leader_epoch(if version >= 4 { 0 } else { -1 }),
        Err(fault) => response
            .with_error_code(fault.code())
            .with_offset(-1)
            .with_timestamp(-1),
    }
}

/// Offset and timestamp; both -1 when there is no such record.
fn find(
    node: &Node,
    name: &str,
    wanted: &ListOffsetsPartition,
    isolation: Isolation,
) -> Result<(i64, i64), Fault> {
    let (_, partition) = node.topics.partition(name, wanted.partition_index)?;
    check_epoch(wanted.current_leader_epoch)?;
    let view = partition.with_log(|log| Ok(log.view()))?;
    let bound = if isolation == Isolation::Committed {
        view.last_stable
    } else {
        view.end
    };
    let target = match wanted.timestamp {
        LATEST => return Ok((bound, -1)),
        EARLIEST => return Ok((view.start, -1)),
        WITH_MAX_TIMESTAMP => partition.with_log(|log| Ok(log.max_timestamp()))?,
        timestamp if timestamp < 0 => return Err(ResponseError::UnsupportedVersion.into()),
        timestamp => timestamp,
    };
    if target < 0 {
        return Ok((-1, -1));
    }
    let search = partition.with_log(|log| Ok(log.search(target)))?;
    let found = search.run().map_err(|e| storage("reading a segment", &e))?;
    Ok(found
        .filter(|found| found.offset < bound)
        .map_or((-1, -1), |found| (found.offset, found.timestamp)))
}

pub(super) async fn epoch_end(
    call: &Call,
    request: OffsetForLeaderEpochRequest,
) -> Result<OffsetForLeaderEpochResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let mut topics = Vec::new();
        for topic in request.topics {
            let mut partitions = Vec::new();
            for wanted in topic.partitions {
                let end = node
                    .topics
                    .partition(&topic.topic, wanted.partition)
                    .and_then(|(_, partition)| {
                        check_epoch(wanted.current_leader_epoch)?;
                        partition.with_log(|log| Ok(log.end()))
                    });
                let response = EpochEndOffset::default().with_partition(wanted.partition);
                partitions.push(match end {
                    // There was never another epoch than 0.
                    Ok(end) if wanted.leader_epoch == 0 => response.with_leader_epoch(0).with_end_offset(end),
                    Ok(_) => response,
                    Err(fault) => response.with_error_code(fault.code()),
                });
            }
            let answered = OffsetForLeaderTopicResult::default().with_topic(topic.topic);
            topics.push(answered.with_partitions(partitions));
        }
        topics
    });
    Ok(OffsetForLeaderEpochResponse::default().with_topics(answered.await?))
}
