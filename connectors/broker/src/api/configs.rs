//! DescribeConfigs, AlterConfigs, IncrementalAlterConfigs.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_response as incremental;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

use super::{Call, once, text};
use crate::config::Config;
use crate::fault::{Fault, code};
use crate::node::Node;
use crate::topic_config::{self, Described, FROM_DEFAULT, FROM_TOPIC};
use crate::wire::WireError;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// A value comes from the broker's own settings.
const FROM_BROKER: i8 = 4;
/// What an incremental change does.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

pub(super) async fn describe(
    call: &Call,
    request: DescribeConfigsRequest,
) -> Result<DescribeConfigsResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let resources = once(request.resources, |r| (r.resource_type, r.resource_name.clone()));
        resources
            .iter()
            .map(|resource| describe_one(node, resource, request.include_synonyms))
            .collect()
    });
    Ok(DescribeConfigsResponse::default().with_results(answered.await?))
}

fn describe_one(node: &Node, resource: &DescribeConfigsResource, synonyms: bool) -> DescribeConfigsResult {
    let response = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name.clone());
    match list(node, resource, synonyms) {
        Ok(configs) => response.with_configs(configs),
        Err(fault) => response
            .with_error_code(fault.code())
            .with_error_message(Some(text(&fault.to_string()))),
    }
}

fn list(
    node: &Node,
    resource: &DescribeConfigsResource,
    synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, Fault> {
    let all = match resource.resource_type {
        TOPIC => {
            let name = resource.resource_name.as_str();
            node.topics
                .get(name)
                .ok_or(ResponseError::UnknownTopicOrPartition)?;
            topic_config::describe(&node.topics.configs(name), &node.config)
                .into_iter()
                .map(|described| of_topic(described, synonyms))
                .collect::<Vec<_>>()
        }
        BROKER => of_broker(&node.config),
        _ => {
            return Err(Fault::new(
                ResponseError::InvalidRequest,
                "only topics and brokers have configs here",
            ));
        }
    };
    let wanted = |config: &DescribeConfigsResourceResult| match &resource.configuration_keys {
        Some(keys) if !keys.is_empty() => keys.contains(&config.name),
        _ => true,
    };
    Ok(all.into_iter().filter(wanted).collect())
}

fn of_topic(described: Described, synonyms: bool) -> DescribeConfigsResourceResult {
    let synonym = |value: &str, source| {
        DescribeConfigsSynonym::default()
            .with_name(text(described.name))
            .with_value(Some(text(value)))
            .with_source(source)
    };
    let mut known = Vec::new();
    if synonyms {
        known.extend(
            described
                .overridden
                .then(|| synonym(&described.value, FROM_TOPIC)),
        );
        known.push(synonym(&described.default, FROM_DEFAULT));
    }
    DescribeConfigsResourceResult::default()
        .with_name(text(described.name))
        .with_value(Some(text(&described.value)))
        .with_config_source(described.source())
        .with_synonyms(known)
        .with_config_type(described.kind)
}

fn of_broker(config: &Config) -> Vec<DescribeConfigsResourceResult> {
    let values = [
        ("auto.create.topics.enable", config.auto_create_topics.to_string()),
        ("default.replication.factor", "1".to_owned()),
        ("log.dirs", config.data_dir.display().to_string()),
        ("log.retention.bytes", config.retention_bytes.to_string()),
        ("log.retention.ms", config.retention_ms.to_string()),
        ("log.segment.bytes", config.segment_bytes.to_string()),
        ("message.max.bytes", config.max_message_bytes.to_string()),
        ("num.partitions", config.default_partitions.to_string()),
        ("offset.metadata.max.bytes", "4096".to_owned()),
        ("socket.request.max.bytes", config.max_request_bytes.to_string()),
        (
            "transaction.max.timeout.ms",
            config.transaction_max_timeout.as_millis().to_string(),
        ),
    ];
    let one = |(name, value): (&str, String)| {
        DescribeConfigsResourceResult::default()
            .with_name(text(name))
            .with_value(Some(text(&value)))
            .with_read_only(true)
            .with_config_source(FROM_BROKER)
    };
    values.into_iter().map(one).collect()
}

fn check_resource(kind: i8) -> Result<(), Fault> {
    match kind {
        TOPIC => Ok(()),
        _ => Err(Fault::new(
            ResponseError::InvalidRequest,
            "only configs of topics can be changed",
        )),
    }
}

pub(super) async fn alter(
    call: &Call,
    request: AlterConfigsRequest,
) -> Result<AlterConfigsResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let mut responses = Vec::new();
        for resource in request.resources {
            let given = resource
                .configs
                .iter()
                .filter_map(|c| Some((c.name.to_string(), c.value.as_ref()?.to_string())));
            let outcome = check_resource(resource.resource_type).and_then(|()| {
                node.topics
                    .configure(&resource.resource_name, request.validate_only, |configs| {
                        *configs = given.collect();
                        Ok(())
                    })
            });
            let message = outcome.as_ref().err().map(|fault| text(&fault.to_string()));
            responses.push(
                AlterConfigsResourceResponse::default()
                    .with_error_code(code(&outcome))
                    .with_error_message(message)
                    .with_resource_type(resource.resource_type)
                    .with_resource_name(resource.resource_name.clone()),
            );
        }
        responses
    });
    Ok(AlterConfigsResponse::default().with_responses(answered.await?))
}

pub(super) async fn alter_incrementally(
    call: &Call,
    request: IncrementalAlterConfigsRequest,
) -> Result<IncrementalAlterConfigsResponse, WireError> {
    let answered = call.on_disk(move |node| {
        let mut responses = Vec::new();
        for resource in request.resources {
            let outcome = check_resource(resource.resource_type).and_then(|()| {
                let name = &resource.resource_name;
                node.topics.configure(name, request.validate_only, |configs| {
                    for config in &resource.configs {
                        let value = config.value.as_ref().map(|v| v.to_string());
                        change(configs, &config.name, config.config_operation, value)?;
                    }
                    Ok(())
                })
            });
            let message = outcome.as_ref().err().map(|fault| text(&fault.to_string()));
            responses.push(
                incremental::AlterConfigsResourceResponse::default()
                    .with_error_code(code(&outcome))
                    .with_error_message(message)
                    .with_resource_type(resource.resource_type)
                    .with_resource_name(resource.resource_name.clone()),
            );
        }
        responses
    });
    Ok(IncrementalAlterConfigsResponse::default().with_responses(answered.await?))
}

fn change(
    configs: &mut topic_config::Overrides,
    name: &str,
    operation: i8,
    value: Option<String>,
) -> Result<(), Fault> {
    let missing = || Fault::new(ResponseError::InvalidConfig, format!("no value for {name}"));
    let present = configs.get(name).cloned().unwrap_or_default();
    let listed = || {
        present
            .split(',')
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
    };
    let new = match operation {
        DELETE => None,
        SET => Some(value.ok_or_else(missing)?),
        APPEND | SUBTRACT if name != "cleanup.policy" => {
            return Err(Fault::new(
                ResponseError::InvalidConfig,
                format!("{name} is no list"),
            ));
        }
        APPEND => Some(
            listed()
                .chain([value.ok_or_else(missing)?])
                .collect::<Vec<_>>()
                .join(","),
        ),
        SUBTRACT => {
            let gone = value.ok_or_else(missing)?;
            Some(
                listed()
                    .filter(|item| *item != gone)
                    .collect::<Vec<_>>()
                    .join(","),
            )
        }
        _ => {
            return Err(Fault::new(
                ResponseError::InvalidRequest,
                format!("unknown operation {operation}"),
            ));
        }
    };
    match new {
        Some(value) => configs.insert(name.to_owned(), value),
        None => configs.remove(name),
    };
    Ok(())
}
