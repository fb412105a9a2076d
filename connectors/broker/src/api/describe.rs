//! DescribeGroups, ListGroups, DeleteGroups, DescribeProducers, DescribeTransactions, ListTransactions.

use std::collections::{BTreeMap, HashSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::list_transactions_response;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest,
    DescribeTransactionsResponse, GroupId, ListGroupsRequest, ListGroupsResponse, ListTransactionsRequest,
    ListTransactionsResponse, ProducerId, TransactionalId,
};

use super::offsets::store_code;
use super::{Call, once, text, topic_name};
use crate::fault::Fault;
use crate::groups::{Group, Phase};
use crate::ledger::{Entry, TxnState};
use crate::node::Node;
use crate::wire::WireError;

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Empty => "Empty",
        Phase::Joining { .. } => "PreparingRebalance",
        Phase::Syncing { .. } => "CompletingRebalance",
        Phase::Stable => "Stable",
    }
}

pub(super) async fn groups(
    call: &Call,
    request: DescribeGroupsRequest,
) -> Result<DescribeGroupsResponse, WireError> {
    let described = call.on_disk(move |node| {
        let one = |id: GroupId| {
            let has_offsets = node
                .journal
                .read(|ledger| ledger.groups.contains_key(id.as_str()));
            let described = node.groups.look(&id, |group| group.map(describe_group));
            let absent = if has_offsets { "Empty" } else { "Dead" };
            described
                .unwrap_or_else(|| DescribedGroup::default().with_group_state(text(absent)))
                .with_group_id(id)
        };
        let ids = once(request.groups, GroupId::clone);
        ids.into_iter().map(one).collect()
    });
    Ok(DescribeGroupsResponse::default().with_groups(described.await?))
}

fn describe_group(group: &Group) -> DescribedGroup {
    let protocol = group.protocol.clone().unwrap_or_default();
    let member = |member: &crate::groups::Member| {
        DescribedGroupMember::default()
            .with_member_id(text(&member.id))
            .with_group_instance_id(member.instance.as_deref().map(text))
            .with_client_id(text(&member.client_id))
            .with_client_host(text(&member.client_host))
            .with_member_metadata(member.subscription(&protocol))
            .with_member_assignment(member.assignment.clone())
    };
    DescribedGroup::default()
        .with_group_state(text(phase_name(group.phase)))
        .with_protocol_type(text(group.protocol_type.as_deref().unwrap_or_default()))
        .with_protocol_data(text(&protocol))
        .with_members(group.members.values().map(member).collect())
}

pub(super) async fn list_groups(
    call: &Call,
    request: ListGroupsRequest,
) -> Result<ListGroupsResponse, WireError> {
    let with_offsets: Vec<String> = call
        .on_disk(|node| {
            node.journal
                .read(|ledger| ledger.groups.keys().cloned().collect())
        })
        .await?;
    let mut all: BTreeMap<String, (String, Phase)> = with_offsets
        .into_iter()
        .map(|id| (id, ("consumer".to_owned(), Phase::Empty)))
        .collect();
    all.extend(
        call.node
            .groups
            .list()
            .into_iter()
            .map(|(id, kind, phase)| (id, (kind, phase))),
    );
    let listed = |(id, (kind, phase)): (String, (String, Phase))| {
        ListedGroup::default()
            .with_group_id(GroupId(text(&id)))
            .with_protocol_type(text(&kind))
            .with_group_state(text(phase_name(phase)))
    };
    let wanted = |group: &ListedGroup| {
        request.states_filter.is_empty() || request.states_filter.contains(&group.group_state)
    };
    let groups = all.into_iter().map(listed).filter(wanted).collect();
    Ok(ListGroupsResponse::default().with_groups(groups))
}

pub(super) async fn delete_groups(
    call: &Call,
    request: DeleteGroupsRequest,
) -> Result<DeleteGroupsResponse, WireError> {
    let results = call.on_disk(move |node| {
        let one = |id: GroupId| {
            let error = store_code(&delete_group(node, &id));
            DeletableGroupResult::default()
                .with_group_id(id)
                .with_error_code(error)
        };
        request.groups_names.into_iter().map(one).collect()
    });
    Ok(DeleteGroupsResponse::default().with_results(results.await?))
}

fn delete_group(node: &Node, id: &str) -> Result<(), Fault> {
    node.journal.decide(|ledger| {
        // Looked at while the journal is held: no offset is committed between the look and the end.
        if node.groups.has_members(id) {
            return Err(ResponseError::NonEmptyGroup.into());
        }
        if !ledger.groups.contains_key(id) {
            return Err(ResponseError::GroupIdNotFound.into());
        }
        let group = id.to_owned();
        Ok((vec![Entry::GroupDeleted { group }], ()))
    })
}

pub(super) async fn producers(
    call: &Call,
    request: DescribeProducersRequest,
) -> Result<DescribeProducersResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let mut seen = HashSet::new();
        let mut topics = Vec::new();
        for topic in request.topics {
            let one = |index: i32| {
                let response = PartitionResponse::default().with_partition_index(index);
                match active_producers(node, &topic.name, index) {
                    Ok(active) => response.with_active_producers(active),
                    Err(fault) => response
                        .with_error_code(fault.code())
                        .with_error_message(Some(text(&fault.to_string()))),
                }
            };
            let partitions = topic
                .partition_indexes
                .iter()
                .copied()
                .filter(|index| seen.insert((topic.name.clone(), *index)))
                .map(one)
                .collect();
            topics.push(
                TopicResponse::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions),
            );
        }
        topics
    });
    Ok(DescribeProducersResponse::default().with_topics(answered.await?))
}

fn active_producers(node: &Node, name: &str, index: i32) -> Result<Vec<ProducerState>, Fault> {
    let (_, partition) = node.topics.partition(name, index)?;
    partition.with_log(|log| {
        let one = |(id, producer): (i64, &crate::producer_state::Producer)| {
            let newest = producer.batches.back();
            ProducerState::default()
                .with_producer_id(ProducerId(id))
                .with_producer_epoch(i32::from(producer.epoch))
                .with_last_sequence(newest.map_or(-1, |b| b.last_sequence))
                .with_last_timestamp(newest.map_or(-1, |b| b.timestamp))
                .with_coordinator_epoch(0)
                .with_current_txn_start_offset(producer.open_from.unwrap_or(-1))
        };
        Ok(log.producers().iter().map(one).collect())
    })
}

fn state_name(state: TxnState) -> &'static str {
    match state {
        TxnState::Empty => "Empty",
        TxnState::Ongoing => "Ongoing",
        TxnState::PrepareCommit => "PrepareCommit",
        TxnState::PrepareAbort => "PrepareAbort",
        TxnState::CompleteCommit => "CompleteCommit",
        TxnState::CompleteAbort => "CompleteAbort",
    }
}

pub(super) async fn transactions(
    call: &Call,
    request: DescribeTransactionsRequest,
) -> Result<DescribeTransactionsResponse, WireError> {
    let all = call.on_disk(|node| node.transactions.snapshot()).await?;
    let one = |id: TransactionalId| {
        let response = TransactionState::default();
        let Some(record) = all.get(id.as_str()) else {
            let error = ResponseError::TransactionalIdNotFound.code();
            return response.with_transactional_id(id).with_error_code(error);
        };
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (name, index) in &record.partitions {
            topics.entry(name).or_default().push(*index);
        }
        let topic = |(name, partitions)| {
            TopicData::default()
                .with_topic(topic_name(name))
                .with_partitions(partitions)
        };
        response
            .with_transactional_id(id)
            .with_transaction_state(text(state_name(record.state)))
            .with_transaction_timeout_ms(record.timeout_ms)
            .with_transaction_start_time_ms(record.started_ms)
            .with_producer_id(ProducerId(record.producer_id))
            .with_producer_epoch(record.epoch)
            .with_topics(topics.into_iter().map(topic).collect())
    };
    let ids = once(request.transactional_ids, TransactionalId::clone);
    let states = ids.into_iter().map(one).collect();
    Ok(DescribeTransactionsResponse::default().with_transaction_states(states))
}

pub(super) async fn list_transactions(
    call: &Call,
    request: ListTransactionsRequest,
) -> Result<ListTransactionsResponse, WireError> {
    let mut listed = Vec::new();
    for (id, record) in call.on_disk(|node| node.transactions.snapshot()).await? {
        let state = text(state_name(record.state));
        let producer_id = ProducerId(record.producer_id);
        let by_state = request.state_filters.is_empty() || request.state_filters.contains(&state);
        let by_producer =
            request.producer_id_filters.is_empty() || request.producer_id_filters.contains(&producer_id);
        if by_state && by_producer {
            listed.push(
                list_transactions_response::TransactionState::default()
                    .with_transactional_id(TransactionalId(text(&id)))
                    .with_producer_id(producer_id)
                    .with_transaction_state(state),
            );
        }
    }
    Ok(ListTransactionsResponse::default().with_transaction_states(listed))
}
