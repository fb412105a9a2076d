//! The plain consumer as a whole: from the topics to the folder of messages.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser;
use notification_service::record::Record;
use notification_service::{NotificationService, Options, start};
use rdkafka::config::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use service_common::metrics::Metrics;
use service_common::server::{Ports, listen};
use test_support::servers::on_each_broker;
use uuid::Uuid;
use weir_kafka::{Connection, OwnedRecord, TopicSpec, ensure, offsets, read_range};

use crate::users::{TOKEN, users};
use crate::world::{client, notification, order, payment};

const PATIENCE: Duration = Duration::from_secs(60);

/// Topics of one test.
#[derive(Clone)]
struct Topics {
    kafka: String,
    orders: String,
    notifications: String,
    dead_letters: String,
}

impl Topics {
    fn make(kafka: &str) -> Topics {
        let of = Uuid::new_v4().simple();
        let topics = Topics {
            kafka: kafka.to_owned(),
            orders: format!("orders-{of}"),
            notifications: format!("notifications-{of}"),
            dead_letters: format!("notifications-dlq-{of}"),
        };
        let specs = [&topics.orders, &topics.notifications].map(|name| TopicSpec {
            name: name.clone(),
            partitions: 2,
            configs: Vec::new(),
        });
        ensure(&Connection::new(kafka), &specs).unwrap();
        topics
    }

    fn write(&self, records: &[Record]) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.kafka)
            .create()
            .unwrap();
        for record in records {
            let topic = match record.topic.as_str() {
                "orders" => &self.orders,
                _ => &self.notifications,
            };
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header {
                    key,
                    value: Some(value),
                });
            }
            let mut outgoing = BaseRecord::<[u8], [u8]>::to(topic).headers(headers);
            outgoing.key = record.key.as_deref();
            outgoing.payload = record.value.as_deref();
            producer.send(outgoing).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
    }

    fn dead_letters(&self) -> Vec<OwnedRecord> {
        let connection = Connection::new(self.kafka.clone());
        let mut all = Vec::new();
        for (partition, (start, _)) in offsets(&connection, &self.dead_letters).unwrap() {
            let topic = &self.dead_letters;
            read_range(&connection, topic, partition, start, |record| all.push(record)).unwrap();
        }
        all
    }

    async fn serve(&self, folder: &Path, users: &str) -> NotificationService {
        let claims = format!("sqlite:{}", folder.join("claims.db").display());
        let outbox = folder.join("outbox").display().to_string();
        let options = Options::try_parse_from([
            "notification-service",
            "--kafka",
            &self.kafka,
            "--orders-topic",
            &self.orders,
            "--notifications-topic",
            &self.notifications,
            "--dlq-topic",
            &self.dead_letters,
            "--group",
            &self.orders,
            "--claims",
            &claims,
            "--send-to",
            &outbox,
            "--user-service",
            users,
            "--service-token",
            TOKEN,
            "--metrics-addr",
            "127.0.0.1:0",
        ])
        .unwrap();
        let ports = Ports {
            metrics: Some(listen("metrics", options.telemetry.metrics_addr).await.unwrap()),
            ..Ports::default()
        };
        start(options, ports, &Metrics::new("test").unwrap())
            .await
            .unwrap()
    }
}

/// The messages in a folder, by their first lines.
pub(crate) fn subjects(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder.join("outbox")).into_iter().flatten();
    let texts = entries.filter_map(|entry| {
        let path = entry.unwrap().path();
        let is_shown = !path.file_name()?.to_string_lossy().starts_with('.');
        (is_shown && path.extension()? == "txt").then(|| std::fs::read_to_string(path).unwrap())
    });
    texts
        .map(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
            line.unwrap().to_owned()
        })
        .collect()
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let asked = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    asked.await.expect(what);
}

async fn get(service: &NotificationService, path: &str) -> String {
    let address = service.running.addresses().metrics.unwrap();
    let answer = client()
        .get(format!("http://{address}{path}"))
        .send()
        .await
        .unwrap();
    answer.text().await.unwrap()
}

#[test]
fn what_happened_is_told_through_the_topics_once_over_a_restart_and_an_outage() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    on_each_broker(|kafka| {
        let topics = Topics::make(kafka);
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        runtime.block_on(async {
            let (users, away) = users().await;
            let users = users.to_string();
            let mut poison = notification("welcome", "usr_1", &json!({}));
            poison.value = Some(b"garbage".to_vec());
            let receipt = notification("receipt", "usr_1", &payment());
            topics.write(&[
                order("e1", "order.created", 1, "usr_1"),
                poison,
                receipt.clone(),
                order("e2", "order.paid", 2, "usr_1"),
            ]);
            let first = topics.serve(folder, &users).await;
            eventually("three messages", || first.sent() == 3).await;
            let expected = [
                "Receipt for your order ord_1",
                "We have your order ord_1",
                "Your order ord_1 is paid",
            ];
            assert_eq!(subjects(folder), expected.map(str::to_owned).into());
            let letters = tokio::task::block_in_place(|| topics.dead_letters());
            let [letter] = &letters[..] else {
                panic!("{letters:?}")
            };
            assert_eq!(letter.value.as_deref(), Some(&b"garbage"[..]));
            assert_eq!(letter.key.as_deref(), Some(&b"usr_1"[..]));
            assert!(get(&first, "/ready").await.contains("ready"));
            let metrics = get(&first, "/metrics").await;
            let line = r#"notifications_sent_total{service="notification-service",template="receipt"} 1"#;
            assert!(metrics.contains(line), "{metrics}");
            first.running.stop().await;

            // The next one is told nothing twice, whoever repeats it, and loses nothing while the user service is away.
            away.store(u32::MAX, Ordering::Relaxed);
            topics.write(&[receipt, notification("refund", "usr_1", &payment())]);
            let second = topics.serve(folder, &users).await;
            let mut waits = String::new();
            let waiting = tokio::time::timeout(PATIENCE, async {
                while !waits.contains(
                    r#"notifications_failed_total{service="notification-service",what="user_service"}"#,
                ) {
                    waits = get(&second, "/metrics").await;
                }
            });
            waiting.await.expect("an attempt that fails");
            away.store(0, Ordering::Relaxed);
            eventually("the refund", || second.sent() == 1).await;
            assert!(subjects(folder).contains("Refund for your order ord_1"));
            let metrics = get(&second, "/metrics").await;
            assert!(
                metrics.contains(r#"{reason="sent_before",service="notification-service"} 1"#),
                "{metrics}"
            );
            assert!(!metrics.contains("notifications_repeated_total{"), "{metrics}");
            second.running.stop().await;
        });
    });
}
