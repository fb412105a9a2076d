//! The topics of the job.

use std::time::Duration;

use weir_kafka::{Connection, TopicSpec, ensure, ensure_unless, topic_setting};

use crate::error::JobError;
use crate::settings::Settings;

/// The results, the windows and the progress may lie for ten years.
const LONG_RETENTION_MS: &str = "315360000000";

/// Creates what is missing of the job's topics; waits for the broker until `stop` says so.
///
/// # Errors
/// When the broker refuses.
pub(crate) fn ensure_topics(
    connection: &Connection,
    settings: &Settings,
    stop: &dyn Fn() -> bool,
) -> Result<(), JobError> {
    Ok(ensure_unless(connection, &specs(settings), stop)?)
}

/// Creates what is missing of all topics of the platform, for a cluster in which nobody else may make any: the job's, where
/// orders are kept for so long, and `others`, each with its retention. Topics that exist stay as they are.
///
/// # Errors
/// When the broker refuses.
pub(crate) fn create_topics(
    settings: &Settings,
    orders_retention: Duration,
    others: &[(String, Duration)],
) -> Result<(), JobError> {
    let kept_for = |retention: Duration| [("retention.ms", retention.as_millis().to_string())];
    let mut specs = specs(settings).to_vec();
    specs[0].configs.extend(kept_for(orders_retention));
    specs.extend(others.iter().map(|(name, retention)| TopicSpec {
        name: name.clone(),
        partitions: settings.orders_partitions,
        configs: kept_for(*retention).to_vec(),
    }));
    Ok(ensure(&settings.connection(), &specs)?)
}

/// The job's topics, that of orders first.
fn specs(settings: &Settings) -> [TopicSpec; 5] {
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
    [
        spec(&settings.orders_topic, settings.orders_partitions, &[]),
        spec(&settings.results_topic, 1, &long),
        spec(&settings.dlq_topic, 1, &long),
        spec(&settings.late_topic, 1, &long),
        spec(&settings.progress_topic(), 1, &progress),
    ]
}

/// Warns of an orders topic that is compacted: of the events with one key only the last would stay, so an order goes once
/// another event of its key follows, and a start that reads it again finds less than was published.
pub(crate) fn warn_of_compaction(connection: &Connection, settings: &Settings) {
    let topic = &settings.orders_topic;
    match topic_setting(connection, topic, "cleanup.policy") {
        Ok(Some(policy)) if policy.split(',').any(|part| part.trim() == "compact") => tracing::warn!(
            topic,
            policy,
            "the orders topic is compacted: an order is removed once another event of its key follows; set \
             cleanup.policy=delete"
        ),
        Ok(_) => {}
        // Who may read a topic need not be allowed to see its settings.
        Err(error) => tracing::debug!(%error, "the cleanup policy of the orders topic is not known"),
    }
}
