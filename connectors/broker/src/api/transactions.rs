//! InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    EndTxnRequest, EndTxnResponse, InitProducerIdRequest, InitProducerIdResponse, ProducerId,
    TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::Call;
use super::offsets::{Wanted, check, store_code};
use crate::fault::Fault;
use crate::groups::{Commit, Validity};
use crate::ledger::TopicPartition;
use crate::log::batch::Marker;
use crate::node::Node;
use crate::transactions::Identity;

/// The code as clients of that version know it: `since` is the first that knows what "fenced" is.
fn fencing_code(fault: &Fault, version: i16, since: i16) -> i16 {
    match fault.error {
        ResponseError::ProducerFenced if version < since => ResponseError::InvalidProducerEpoch.code(),
        // Clients try again.
        ResponseError::KafkaStorageError => ResponseError::CoordinatorNotAvailable.code(),
        error => error.code(),
    }
}

async fn on_disk<T: Send + 'static>(
    call: &Call,
    work: impl FnOnce(&Node) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    call.node.on_disk(work).await?
}

pub(super) async fn init_producer_id(call: &Call, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let version = call.head.version;
    let present = (version >= 3 && request.producer_id.0 >= 0).then_some(Identity {
        producer_id: request.producer_id.0,
        epoch: request.producer_epoch,
    });
    let given = on_disk(call, move |node| {
        let id = request.transactional_id.as_ref().map(|id| id.as_str());
        node.transactions
            .init(id, request.transaction_timeout_ms, present)
    });
    match given.await {
        Ok(identity) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(identity.producer_id))
            .with_producer_epoch(identity.epoch),
        Err(fault) => InitProducerIdResponse::default()
            .with_error_code(fencing_code(&fault, version, 4))
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    }
}

pub(super) async fn add_partitions(
    call: &Call,
    request: AddPartitionsToTxnRequest,
) -> AddPartitionsToTxnResponse {
    let caller = Identity {
        producer_id: request.v3_and_below_producer_id.0,
        epoch: request.v3_and_below_producer_epoch,
    };
    let topics = request.v3_and_below_topics;
    let exists = |name: &str, index: i32| call.node.topics.partition(name, index).is_ok();
    let all_exist = topics
        .iter()
        .all(|t| t.partitions.iter().all(|p| exists(&t.name, *p)));
    let mut outcome = 0;
    if all_exist {
        let partitions: Vec<TopicPartition> = topics
            .iter()
            .flat_map(|t| t.partitions.iter().map(|p| (t.name.to_string(), *p)))
            .collect();
        let id = request.v3_and_below_transactional_id.to_string();
        let added = on_disk(call, move |node| begin(node, &id, caller, partitions, Vec::new())).await;
        outcome = added
            .err()
            .map_or(0, |fault| fencing_code(&fault, call.head.version, 2));
    }
    let code_of = |name: &str, index: i32| match all_exist {
        true => outcome,
        false if exists(name, index) => ResponseError::OperationNotAttempted.code(),
        false => ResponseError::UnknownTopicOrPartition.code(),
    };
    let results = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|index| {
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*index)
                .with_partition_error_code(code_of(&topic.name, *index))
        });
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name.clone())
            .with_results_by_partition(partitions.collect())
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results.collect())
}

/// Adds to the transaction, and has somebody look at it when it times out.
fn begin(
    node: &Node,
    id: &str,
    caller: Identity,
    partitions: Vec<TopicPartition>,
    groups: Vec<String>,
) -> Result<(), Fault> {
    if let Some(deadline) = node.transactions.add(id, caller, partitions, groups)? {
        node.alarm.due_at(deadline);
    }
    Ok(())
}

pub(super) async fn add_offsets(call: &Call, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let caller = Identity {
        producer_id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let added = on_disk(call, move |node| {
        if request.group_id.is_empty() {
            return Err(ResponseError::InvalidGroupId.into());
        }
        begin(
            node,
            &request.transactional_id,
            caller,
            Vec::new(),
            vec![request.group_id.to_string()],
        )
    });
    let code = added
        .await
        .err()
        .map_or(0, |fault| fencing_code(&fault, call.head.version, 2));
    AddOffsetsToTxnResponse::default().with_error_code(code)
}

pub(super) async fn commit_offsets(call: &Call, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let caller = Identity {
        producer_id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let who = Validity {
        member: &request.member_id,
        instance: request.group_instance_id.as_ref().map(StrBytes::as_str),
        generation: request.generation_id,
    };
    let allowed = call
        .node
        .groups
        .may_commit(&request.group_id, who, Commit::InTransaction);
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
                TxnOffsetCommitResponsePartition::default().with_partition_index(partition.partition_index);
            partitions.push(response.with_error_code(error));
        }
        topics.push(
            TxnOffsetCommitResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions),
        );
    }
    if !offsets.is_empty() {
        let (id, group) = (request.transactional_id.to_string(), request.group_id.to_string());
        let stored = on_disk(call, move |node| {
            node.transactions.add_offsets(&id, caller, &group, offsets)
        })
        .await;
        let error = store_code(&stored);
        for partition in topics
            .iter_mut()
            .flat_map(|t| &mut t.partitions)
            .filter(|p| p.error_code == 0)
        {
            partition.error_code = error;
        }
    }
    TxnOffsetCommitResponse::default().with_topics(topics)
}

pub(super) async fn end(call: &Call, request: EndTxnRequest) -> EndTxnResponse {
    let caller = Identity {
        producer_id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let marker = if request.committed {
        Marker::Commit
    } else {
        Marker::Abort
    };
    let ended = on_disk(call, move |node| {
        node.transactions.end(&request.transactional_id, caller, marker)
    })
    .await;
    let code = ended
        .err()
        .map_or(0, |fault| fencing_code(&fault, call.head.version, 2));
    EndTxnResponse::default().with_error_code(code)
}
