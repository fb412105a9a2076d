//! ApiVersions, Metadata, DescribeCluster, FindCoordinator: the client finds its way around.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::{ApiVersion, ApiVersionsResponse};
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, MetadataRequest, MetadataResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{Call, once, text, topic_name};
use crate::fault::Fault;
use crate::shape::apis;
use crate::topics::Topic;
use crate::wire::{self, Answer, WireError};

/// The one broker's id.
pub(super) const NODE: BrokerId = BrokerId(1);
const CLUSTER_ID: &str = "weir-development";
/// "Not asked for", where a response has a set of permitted operations.
const NO_OPERATIONS: i32 = i32::MIN;

pub(super) fn api_versions(call: &Call) -> Result<Answer, WireError> {
    let api = |api: &crate::shape::Api| {
        ApiVersion::default()
            .with_api_key(api.key as i16)
            .with_min_version(api.least)
            .with_max_version(api.greatest)
    };
    let mut response = ApiVersionsResponse::default().with_api_keys(apis().iter().map(api).collect());
    if !call.head.unserved {
        return wire::answer(&call.head, &response);
    }
    // A newer client asks again with a version that it finds in this answer, which is always of version 0.
    response.error_code = ResponseError::UnsupportedVersion.code();
    let mut head = call.head.clone();
    head.version = 0;
    wire::answer(&head, &response)
}

pub(super) async fn metadata(call: &Call, request: MetadataRequest) -> MetadataResponse {
    let (host, port) = call.advertised();
    let broker = MetadataResponseBroker::default()
        .with_node_id(NODE)
        .with_host(host)
        .with_port(port);
    // Version 0 asks for all topics with an empty list, later ones with null.
    let asked = request
        .topics
        .filter(|topics| call.head.version > 0 || !topics.is_empty());
    let mut topics = Vec::new();
    match asked {
        None => topics.extend(
            call.node
                .topics
                .all()
                .iter()
                .map(|topic: &Arc<Topic>| describe(topic)),
        ),
        Some(asked) => {
            let may_create = request.allow_auto_topic_creation || call.head.version < 4;
            for topic in once(asked, |topic| topic.name.clone()) {
                let Some(name) = topic.name else { continue };
                topics.push(match find_or_create(call, &name, may_create).await {
                    Ok(topic) => describe(&topic),
                    Err(fault) => MetadataResponseTopic::default()
                        .with_error_code(fault.code())
                        .with_name(Some(name)),
                });
            }
        }
    }
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text(CLUSTER_ID)))
        .with_controller_id(NODE)
        .with_topics(topics)
        .with_cluster_authorized_operations(NO_OPERATIONS)
}

async fn find_or_create(call: &Call, name: &str, may_create: bool) -> Result<Arc<Topic>, Fault> {
    let unknown = || Fault::from(ResponseError::UnknownTopicOrPartition);
    if let Some(topic) = call.node.topics.get(name) {
        return Ok(topic);
    }
    if !may_create || !call.node.config.auto_create_topics {
        return Err(unknown());
    }
    let wanted = name.to_owned();
    let created = call
        .node
        .on_disk(move |node| {
            node.topics
                .create(&wanted, node.config.default_partitions, Default::default(), false)
        })
        .await?;
    match created {
        Err(fault) if fault.error != ResponseError::TopicAlreadyExists => Err(fault),
        _ => call.node.topics.get(name).ok_or_else(unknown),
    }
}

fn describe(topic: &Topic) -> MetadataResponseTopic {
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE)
            .with_leader_epoch(0)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    };
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_partitions((0..topic.partition_count()).map(partition).collect())
        .with_topic_authorized_operations(NO_OPERATIONS)
}

pub(super) async fn describe_cluster(call: &Call, _: DescribeClusterRequest) -> DescribeClusterResponse {
    let (host, port) = call.advertised();
    DescribeClusterResponse::default()
        .with_cluster_id(text(CLUSTER_ID))
        .with_controller_id(NODE)
        .with_brokers(vec![
            DescribeClusterBroker::default()
                .with_broker_id(NODE)
                .with_host(host)
                .with_port(port),
        ])
        .with_cluster_authorized_operations(NO_OPERATIONS)
}

pub(super) async fn find_coordinator(
    call: &Call,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let (host, port) = call.advertised();
    let kind_is_known = (0..=1).contains(&request.key_type);
    let error = if kind_is_known {
        0
    } else {
        ResponseError::InvalidRequest.code()
    };
    let one = |key| {
        Coordinator::default()
            .with_key(key)
            .with_node_id(NODE)
            .with_host(host.clone())
            .with_port(port)
            .with_error_code(error)
    };
    let response = FindCoordinatorResponse::default();
    if call.head.version >= 4 {
        return response.with_coordinators(
            once(request.coordinator_keys, StrBytes::clone)
                .into_iter()
                .map(one)
                .collect(),
        );
    }
    response
        .with_error_code(error)
        .with_node_id(NODE)
        .with_host(host.clone())
        .with_port(port)
}
