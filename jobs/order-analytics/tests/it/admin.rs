//! What an administrator does to topics and groups.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(30);

fn config(stage: &Stage) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &stage.connection.bootstrap_servers);
    config
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

fn admin(stage: &Stage) -> AdminClient<DefaultClientContext> {
    config(stage).create().unwrap()
}

pub(crate) fn delete_topic(stage: &Stage, what: &str) {
    let (admin, topic) = (admin(stage), stage.topic(what));
    for result in block_on(admin.delete_topics(&[&topic], &AdminOptions::new())).unwrap() {
        result.unwrap();
    }
}

/// Deletes the records of partition 0 before `offset`, as retention would.
pub(crate) fn delete_before(stage: &Stage, what: &str, offset: i64) {
    let mut cut = TopicPartitionList::new();
    cut.add_partition_offset(&stage.topic(what), 0, Offset::Offset(offset))
        .unwrap();
    let left = block_on(admin(stage).delete_records(&cut, &AdminOptions::new())).unwrap();
    for partition in left.elements() {
        partition.error().unwrap();
    }
}

/// What the job's group has committed of the orders topic, by partition.
pub(crate) fn committed(stage: &Stage, partitions: i32) -> BTreeMap<i32, i64> {
    let consumer: BaseConsumer = config(stage).set("group.id", &stage.name).create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(&stage.topic("orders"), 0, partitions - 1);
    let told = consumer.committed_offsets(asked, PATIENCE).unwrap();
    told.elements()
        .iter()
        .filter_map(|partition| Some((partition.partition(), partition.offset().to_raw()?)))
        .collect()
}
