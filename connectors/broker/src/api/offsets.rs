//! OffsetCommit, OffsetFetch, OffsetDelete.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, OffsetFetchRequest,
    OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::{Call, once, text, topic_name};
use crate::fault::Fault;
use crate::groups::{Commit, Validity};
use crate::ledger::{Committed, Entry, Ledger, TopicPartition};
use crate::locked::now_ms;
use crate::node::Node;
use crate::wire::WireError;

/// Most bytes of metadata with an offset (`offset.metadata.max.bytes`).
const MOST_METADATA: usize = 4096;

/// An offset that a client wants to commit.
pub(super) struct Wanted<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) metadata: Option<&'a StrBytes>,
}

/// Checks an offset that is to be committed.
pub(super) fn check(node: &Node, wanted: &Wanted<'_>) -> Result<(TopicPartition, Committed), ResponseError> {
    if node.topics.partition(wanted.topic, wanted.partition).is_err() {
        return Err(ResponseError::UnknownTopicOrPartition);
    }
    let metadata = wanted.metadata.map(|m| m.to_string()).unwrap_or_default();
    if metadata.len() > MOST_METADATA {
        return Err(ResponseError::OffsetMetadataTooLarge);
    }
    let committed = Committed {
        offset: wanted.offset,
        leader_epoch: wanted.leader_epoch,
        metadata,
        at_ms: now_ms(),
    };
    Ok(((wanted.topic.to_owned(), wanted.partition), committed))
}

/// The code for offsets that could not be stored: clients try again.
pub(super) fn store_code(outcome: &Result<(), Fault>) -> i16 {
    match outcome {
        Err(fault) if fault.error == ResponseError::KafkaStorageError => {
            ResponseError::CoordinatorNotAvailable.code()
        }
        Err(fault) => fault.code(),
        Ok(()) => 0,
    }
}

pub(super) async fn commit(call: &Call, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let group = request.group_id.to_string();
    let who = Validity {
        member: &request.member_id,
        instance: request.group_instance_id.as_ref().map(StrBytes::as_str),
        generation: request.generation_id_or_member_epoch,
    };
    let allowed = match group.is_empty() {
        true => Err(ResponseError::InvalidGroupId),
        false => call.node.groups.may_commit(&group, who, Commit::Plain),
    };
    let mut offsets = Vec::new();
    let mut topics = Vec::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for partition in &topic.partitions {
            let wanted = Wanted {
                topic: &topic.name,
                partition: partition.partition_index,
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: partition.committed_metadata.as_ref(),
            };
            let checked = allowed.and_then(|()| check(&call.node, &wanted));
            let error = checked.as_ref().err().map_or(0, |error| error.code());
            offsets.extend(checked);
            let response =
                OffsetCommitResponsePartition::default().with_partition_index(partition.partition_index);
            partitions.push(response.with_error_code(error));
        }
        topics.push(
            OffsetCommitResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions),
        );
    }
    if !offsets.is_empty() {
        let stored = call
            .node
            .on_disk(move |node| {
                node.journal.decide(|ledger| {
                    ledger.check_partitions(&offsets)?;
                    Ok((vec![Entry::Offsets { group, offsets }], ()))
                })
            })
            .await
            .and_then(|stored| stored);
        let error = store_code(&stored);
        for partition in topics
            .iter_mut()
            .flat_map(|t| &mut t.partitions)
            .filter(|p| p.error_code == 0)
        {
            partition.error_code = error;
        }
    }
    OffsetCommitResponse::default().with_topics(topics)
}

/// What a group has committed for a partition.
enum Position {
    None,
    At(Committed),
    /// An open transaction will change it.
    Unstable,
}

/// Positions of the partitions asked for, or of all.
fn positions(
    ledger: &Ledger,
    group: &str,
    asked: Option<BTreeSet<TopicPartition>>,
    stable: bool,
) -> BTreeMap<String, Vec<(i32, Position)>> {
    let committed = ledger.groups.get(group);
    let known = || committed.map(|c| c.keys().cloned().collect()).unwrap_or_default();
    let open = ledger.transactions.values().filter_map(|t| t.offsets.get(group));
    let pending: BTreeSet<&TopicPartition> = match stable {
        true => open.flatten().map(|(partition, _)| partition).collect(),
        false => BTreeSet::new(),
    };
    let mut positions: BTreeMap<String, Vec<(i32, Position)>> = BTreeMap::new();
    for partition in asked.unwrap_or_else(known) {
        let position = match committed.and_then(|c| c.get(&partition)) {
            _ if pending.contains(&partition) => Position::Unstable,
            Some(committed) => Position::At(committed.clone()),
            None => Position::None,
        };
        positions
            .entry(partition.0)
            .or_default()
            .push((partition.1, position));
    }
    positions
}

impl Position {
    /// Offset, leader epoch, metadata, error.
    fn fields(self) -> (i64, i32, StrBytes, i16) {
        match self {
            Self::At(c) => (c.offset, c.leader_epoch, text(&c.metadata), 0),
            Self::None => (-1, -1, StrBytes::default(), 0),
            Self::Unstable => (
                -1,
                -1,
                StrBytes::default(),
                ResponseError::UnstableOffsetCommit.code(),
            ),
        }
    }
}

fn flatten<'a>(topics: impl Iterator<Item = (&'a TopicName, &'a Vec<i32>)>) -> BTreeSet<TopicPartition> {
    topics
        .flat_map(|(name, indexes)| indexes.iter().map(|index| (name.to_string(), *index)))
        .collect()
}

pub(super) async fn fetch(
    call: &Call,
    request: OffsetFetchRequest,
) -> Result<OffsetFetchResponse, WireError> {
    let version = call.head.version;
    call.on_disk(move |node| node.journal.read(|ledger| fetch_from(ledger, request, version)))
        .await
}

fn fetch_from(ledger: &Ledger, request: OffsetFetchRequest, version: i16) -> OffsetFetchResponse {
    let stable = request.require_stable;
    if version >= 8 {
        let group = |group: &OffsetFetchRequestGroup| {
            let asked = group
                .topics
                .as_ref()
                .map(|t| flatten(t.iter().map(|t| (&t.name, &t.partition_indexes))));
            let found = positions(ledger, &group.group_id, asked, stable);
            let topics = found.into_iter().map(|(name, positions)| {
                let partitions = positions.into_iter().map(|(index, position)| {
                    let (offset, epoch, metadata, error) = position.fields();
                    OffsetFetchResponsePartitions::default()
                        .with_partition_index(index)
                        .with_committed_offset(offset)
                        .with_committed_leader_epoch(epoch)
                        .with_metadata(Some(metadata))
                        .with_error_code(error)
                });
                let topic = OffsetFetchResponseTopics::default().with_name(topic_name(&name));
                topic.with_partitions(partitions.collect())
            });
            OffsetFetchResponseGroup::default()
                .with_group_id(group.group_id.clone())
                .with_topics(topics.collect())
        };
        let groups = once(request.groups, |group| group.group_id.clone());
        return OffsetFetchResponse::default().with_groups(groups.iter().map(group).collect());
    }
    let asked = request
        .topics
        .as_ref()
        .map(|t| flatten(t.iter().map(|t| (&t.name, &t.partition_indexes))));
    let found = positions(ledger, &request.group_id, asked, stable);
    let topics = found.into_iter().map(|(name, positions)| {
        let partitions = positions.into_iter().map(|(index, position)| {
            let (offset, epoch, metadata, error) = position.fields();
            OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
                .with_committed_leader_epoch(epoch)
                .with_metadata(Some(metadata))
                .with_error_code(error)
        });
        OffsetFetchResponseTopic::default()
            .with_name(topic_name(&name))
            .with_partitions(partitions.collect())
    });
    OffsetFetchResponse::default().with_topics(topics.collect())
}

pub(super) async fn delete(
    call: &Call,
    request: OffsetDeleteRequest,
) -> Result<OffsetDeleteResponse, WireError> {
    let group = request.group_id.to_string();
    let partitions: Vec<TopicPartition> = request
        .topics
        .iter()
        .flat_map(|t| {
            t.partitions
                .iter()
                .map(|p| (t.name.to_string(), p.partition_index))
        })
        .collect();
    let deleted = call.on_disk(move |node| {
        node.journal.decide(|ledger| {
            // Which member reads which topic is known to the clients only: all are taken to be read.
            if node.groups.has_members(&group) {
                return Err(ResponseError::GroupSubscribedToTopic.into());
            }
            if !ledger.groups.contains_key(&group) {
                return Err(ResponseError::GroupIdNotFound.into());
            }
            Ok((vec![Entry::OffsetsDeleted { group, partitions }], ()))
        })
    });
    let deleted = deleted.await?;
    let error = store_code(&deleted);
    if deleted.is_err_and(|fault| fault.error == ResponseError::GroupIdNotFound) {
        return Ok(OffsetDeleteResponse::default().with_error_code(error));
    }
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|p| {
            OffsetDeleteResponsePartition::default()
                .with_partition_index(p.partition_index)
                .with_error_code(error)
        });
        OffsetDeleteResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    Ok(OffsetDeleteResponse::default().with_topics(topics.collect()))
}
