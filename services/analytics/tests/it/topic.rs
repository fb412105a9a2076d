//! A topic of results, as the job writes it.

use std::future::Future;
use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use test_support::servers::{apache_kafka, shared_dev_broker};
use uuid::Uuid;
use weir_kafka::{Connection, Outgoing, Sink, SinkOptions, TopicSpec, Transaction, ensure};
use weir_proto::AnalyticsResult;

/// Runs a test on the development broker, then on Apache Kafka unless that is to be skipped.
pub(crate) fn on_each_broker<F: Future<Output = ()>>(test: impl Fn(String) -> F) {
    for broker in [Some(shared_dev_broker()), apache_kafka()].into_iter().flatten() {
        run(test(broker));
    }
}

/// Where the broker makes no difference.
pub(crate) fn on_the_broker<F: Future<Output = ()>>(test: impl Fn(String) -> F) {
    run(test(shared_dev_broker()));
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test);
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    connection: Connection,
    partitions: i32,
}

impl Topic {
    /// A name that nobody else has; there is no such topic yet.
    pub(crate) fn named(broker: &str, partitions: i32) -> Topic {
        Topic {
            name: format!("results-{}", Uuid::new_v4().simple()).into(),
            connection: Connection::new(broker),
            partitions,
        }
    }

    pub(crate) async fn made(broker: &str, partitions: i32) -> Topic {
        let topic = Topic::named(broker, partitions);
        topic.make().await;
        topic
    }

    pub(crate) async fn make(&self) {
        let spec = TopicSpec {
            name: self.name.to_string(),
            partitions: self.partitions,
            configs: Vec::new(),
        };
        let connection = self.connection.clone();
        blocking(move || ensure(&connection, &[spec]).unwrap()).await;
    }

    pub(crate) async fn delete(&self) {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.connection.bootstrap_servers)
            .create()
            .unwrap();
        admin
            .delete_topics(&[&*self.name], &AdminOptions::new())
            .await
            .unwrap();
        let (connection, name) = (self.connection.clone(), Arc::clone(&self.name));
        let gone = move || {
            test_support::patience::eventually("the topic is gone", || {
                match weir_kafka::partitions(&connection, &name) {
                    Err(_) => Ok(()),
                    Ok(found) => Err(format!("{found:?}")),
                }
            });
        };
        blocking(gone).await;
    }

    pub(crate) async fn writer(&self) -> Writer {
        let connection = self.connection.clone();
        let options = SinkOptions::new(format!("w-{}", Uuid::new_v4()), "none".to_owned());
        let sink = blocking(move || Sink::connect(&connection, options).unwrap()).await;
        Writer {
            topic: Arc::clone(&self.name),
            sink: Some(sink),
        }
    }

    /// Writes results in one transaction.
    pub(crate) async fn write(&self, partition: i32, results: &[AnalyticsResult]) {
        self.writer().await.write(partition, results).await;
    }
}

/// Writes one transaction after the other.
pub(crate) struct Writer {
    topic: Arc<str>,
    sink: Option<Sink>,
}

impl Writer {
    pub(crate) async fn write(&mut self, partition: i32, results: &[AnalyticsResult]) {
        let values: Vec<Vec<u8>> = results.iter().map(AnalyticsResult::to_json).collect();
        self.write_values(partition, values).await;
    }

    pub(crate) async fn write_values(&mut self, partition: i32, values: Vec<Vec<u8>>) {
        let record = |value: Vec<u8>| Outgoing {
            topic: Arc::clone(&self.topic),
            partition: Some(partition),
            key: None,
            value: Some(value),
            headers: Vec::new(),
        };
        let transaction = Transaction {
            records: values.into_iter().map(record).collect(),
            offsets: Vec::new(),
        };
        let mut sink = self.sink.take().unwrap();
        let committed = move || {
            sink.commit(&transaction).unwrap();
            sink
        };
        self.sink = Some(blocking(committed).await);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
