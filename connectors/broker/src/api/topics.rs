//! CreateTopics, DeleteTopics, CreatePartitions, DeleteRecords.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteRecordsRequest, DeleteRecordsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
};

use super::{Call, once, text};
use crate::fault::{Fault, code};
use crate::node::Node;
use crate::topic_config::{self, Described, Overrides};
use crate::wire::WireError;

pub(super) async fn create(
    call: &Call,
    request: CreateTopicsRequest,
) -> Result<CreateTopicsResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let dry = request.validate_only;
        once(request.topics, |topic| topic.name.clone())
            .into_iter()
            .map(|topic| create_one(node, topic, dry))
            .collect()
    });
    Ok(CreateTopicsResponse::default().with_topics(answered.await?))
}

fn create_one(node: &Node, topic: CreatableTopic, dry: bool) -> CreatableTopicResult {
    let response = CreatableTopicResult::default().with_name(topic.name.clone());
    match try_create(node, &topic, dry) {
        Ok((partitions, configs)) => response
            .with_num_partitions(partitions)
            .with_replication_factor(1)
            .with_configs(Some(describe(&configs, node))),
        // Null would be truer, but the Java client does not survive it.
        Err(fault) => response
            .with_error_code(fault.code())
            .with_error_message(Some(text(&fault.to_string())))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_configs(Some(Vec::new())),
    }
}

/// The settings of the new topic, as the client is told them.
fn describe(configs: &Overrides, node: &Node) -> Vec<CreatableTopicConfigs> {
    let one = |described: Described| {
        CreatableTopicConfigs::default()
            .with_name(text(described.name))
            .with_value(Some(text(&described.value)))
            .with_config_source(described.source())
    };
    topic_config::describe(configs, &node.config)
        .into_iter()
        .map(one)
        .collect()
}

fn try_create(node: &Node, topic: &CreatableTopic, dry: bool) -> Result<(i32, Overrides), Fault> {
    let partitions = match topic.assignments.len() {
        0 if topic.num_partitions == -1 => node.config.default_partitions,
        0 => topic.num_partitions,
        assigned => assigned as i32,
    };
    let replicas = topic
        .assignments
        .iter()
        .map(|a| a.broker_ids.len())
        .max()
        .unwrap_or(1);
    if !matches!(topic.replication_factor, 1 | -1) || replicas != 1 {
        let text = "there is one broker: the replication factor can only be 1";
        return Err(Fault::new(ResponseError::InvalidReplicationFactor, text));
    }
    let configs: Overrides = topic
        .configs
        .iter()
        .filter_map(|c| Some((c.name.to_string(), c.value.as_ref()?.to_string())))
        .collect();
    node.topics
        .create(&topic.name, partitions, configs.clone(), dry)?;
    Ok((partitions, configs))
}

pub(super) async fn delete(
    call: &Call,
    request: DeleteTopicsRequest,
) -> Result<DeleteTopicsResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let one = |name: kafka_protocol::messages::TopicName| {
            let outcome = node.topics.delete(&name);
            let message = outcome.as_ref().err().map(|fault| text(&fault.to_string()));
            DeletableTopicResult::default()
                .with_error_code(code(&outcome))
                .with_error_message(message)
                .with_name(Some(name))
        };
        request.topic_names.into_iter().map(one).collect()
    });
    Ok(DeleteTopicsResponse::default().with_responses(answered.await?))
}

pub(super) async fn grow(
    call: &Call,
    request: CreatePartitionsRequest,
) -> Result<CreatePartitionsResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let mut results = Vec::new();
        for topic in request.topics {
            let outcome = node.topics.grow(&topic.name, topic.count, request.validate_only);
            let message = outcome.as_ref().err().map(|fault| text(&fault.to_string()));
            let result = CreatePartitionsTopicResult::default().with_name(topic.name);
            results.push(result.with_error_code(code(&outcome)).with_error_message(message));
        }
        results
    });
    Ok(CreatePartitionsResponse::default().with_results(answered.await?))
}

pub(super) async fn delete_records(
    call: &Call,
    request: DeleteRecordsRequest,
) -> Result<DeleteRecordsResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let mut topics = Vec::new();
        for topic in request.topics {
            let one = |wanted: &kafka_protocol::messages::delete_records_request::DeleteRecordsPartition| {
                let outcome = node
                    .topics
                    .delete_records(&topic.name, wanted.partition_index, wanted.offset);
                DeleteRecordsPartitionResult::default()
                    .with_partition_index(wanted.partition_index)
                    .with_error_code(code(&outcome))
                    .with_low_watermark(outcome.unwrap_or(-1))
            };
            let partitions = topic.partitions.iter().map(one).collect();
            topics.push(
                DeleteRecordsTopicResult::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions),
            );
        }
        topics
    });
    Ok(DeleteRecordsResponse::default().with_topics(answered.await?))
}
