//! Events reach Kafka, in the sequence of their keys, whatever happens to their relays.

use std::collections::BTreeMap;
use std::time::Duration;

use service_common::database::{Database, DatabaseOptions, Step};
use service_common::metrics::Metrics;
use service_common::outbox::{self, Event, Outbox, Publisher, Relay, RelayOptions};
use service_common::server::Lifecycle;
use test_support::databases::{on_each_database, on_each_ground};
use test_support::servers;
use uuid::Uuid;
use weir_kafka::{Connection, OwnedRecord, TopicSpec, ensure, offsets, read_range};

const STEPS: &[Step] = &[Step {
    version: 1,
    description: "outbox",
    sql: outbox::SCHEMA,
}];

async fn open(url: &str) -> Database {
    let options = DatabaseOptions::of(url.parse().unwrap());
    Database::open(&options, "one", STEPS).await.unwrap()
}

async fn topic(broker: &str) -> (Connection, String) {
    let connection = Connection::new(broker);
    let name = format!("outbox-{}", Uuid::new_v4().simple());
    let spec = TopicSpec {
        name: name.clone(),
        partitions: 3,
        configs: Vec::new(),
    };
    let to_make = connection.clone();
    tokio::task::spawn_blocking(move || ensure(&to_make, &[spec]).unwrap())
        .await
        .unwrap();
    (connection, name)
}

async fn write(database: &Database, outbox: &Outbox, topic: &str, key: &str, version: i64) {
    let mut transaction = database.begin().await.unwrap();
    let at_ms = transaction.now_ms().await.unwrap();
    let payload = format!(r#"{{"key":"{key}","version":{version}}}"#);
    let event = Event::new(
        topic,
        key,
        version,
        "order.paid",
        "/test",
        payload,
        at_ms + version,
    );
    outbox::append(&event).execute(&mut transaction).await.unwrap();
    transaction.commit().await.unwrap();
    outbox.wake();
}

fn relay(database: &Database, outbox: &Outbox, connection: &Connection, lifecycle: &Lifecycle) {
    relay_with(RelayOptions::default(), database, outbox, connection, lifecycle);
}

fn relay_with(
    options: RelayOptions,
    database: &Database,
    outbox: &Outbox,
    connection: &Connection,
    lifecycle: &Lifecycle,
) {
    let publisher = Publisher::new(connection).unwrap();
    let metrics = Metrics::new("test").unwrap();
    let relay = Relay::new(database.clone(), outbox.clone(), publisher, metrics, options);
    lifecycle.spawn(relay.run(lifecycle.stopping()));
}

async fn pending(database: &Database) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM outbox_events WHERE pending = 1")
        .fetch_one(database.pool())
        .await
        .unwrap()
}

async fn drained(database: &Database) {
    let wait = async {
        while pending(database).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("everything is published");
}

async fn records(connection: &Connection, topic: &str) -> Vec<OwnedRecord> {
    let (connection, topic) = (connection.clone(), topic.to_owned());
    let read = move || {
        let mut all = Vec::new();
        for (partition, (start, _)) in offsets(&connection, &topic).unwrap() {
            read_range(&connection, &topic, partition, start, |record| all.push(record)).unwrap();
        }
        all
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

/// What was published of each key, in its sequence.
fn by_key(records: &[OwnedRecord]) -> BTreeMap<String, Vec<String>> {
    let mut keys = BTreeMap::<String, Vec<String>>::new();
    for record in records {
        let text = |bytes: &Option<Vec<u8>>| String::from_utf8(bytes.clone().unwrap()).unwrap();
        keys.entry(text(&record.key))
            .or_default()
            .push(text(&record.value));
    }
    keys
}

#[test]
fn events_are_published_once_each_in_the_sequence_of_their_key() {
    for broker in [Some(servers::shared_dev_broker()), servers::apache_kafka()]
        .into_iter()
        .flatten()
    {
        on_each_database(async |url| {
            let database = open(&url).await;
            let (connection, topic) = topic(&broker).await;
            let outbox = Outbox::new();
            let lifecycle = Lifecycle::new();
            for _ in 0..2 {
                relay(&database, &outbox, &connection, &lifecycle);
            }
            for version in 1..=5 {
                for key in 0..20 {
                    write(&database, &outbox, &topic, &format!("ord_{key}"), version).await;
                }
            }
            drained(&database).await;
            assert!(lifecycle.stop(Duration::from_secs(20)).await);
            let published = by_key(&records(&connection, &topic).await);
            assert_eq!(published.len(), 20);
            for (key, values) in published {
                let expected: Vec<_> = (1..=5)
                    .map(|version| format!(r#"{{"key":"{key}","version":{version}}}"#))
                    .collect();
                assert_eq!(values, expected);
            }
        });
    }
}

#[test]
fn an_event_bears_its_id_type_version_and_time() {
    on_each_ground(async |url, broker| {
        let database = open(&url).await;
        let (connection, topic) = topic(&broker).await;
        let outbox = Outbox::new();
        let lifecycle = Lifecycle::new();
        relay(&database, &outbox, &connection, &lifecycle);
        write(&database, &outbox, &topic, "ord_1", 3).await;
        drained(&database).await;
        lifecycle.stop(Duration::from_secs(20)).await;
        let id: String = sqlx::query_scalar("SELECT id FROM outbox_events")
            .fetch_one(database.pool())
            .await
            .unwrap();
        let records = records(&connection, &topic).await;
        let header = |name: &str| {
            let header = records[0].headers.iter().find(|(key, _)| key == name);
            String::from_utf8(header.unwrap().1.clone()).unwrap()
        };
        assert_eq!(header("ce_id"), id);
        assert_eq!(header("ce_type"), "order.paid");
        assert_eq!(header("version"), "3");
        assert_eq!(header("ce_specversion"), "1.0");
        assert!(header("ce_time").ends_with('Z'));
    });
}

#[test]
fn a_relay_that_vanished_is_replaced() {
    on_each_ground(async |url, broker| {
        let database = open(&url).await;
        let (connection, topic) = topic(&broker).await;
        let outbox = Outbox::new();
        // What a killed relay leaves behind: all shards, under a lease that has almost run out.
        let mut transaction = database.begin().await.unwrap();
        let now_ms = transaction.now_ms().await.unwrap();
        for shard in 0..16_i64 {
            sqlx::query("INSERT INTO outbox_shards VALUES ($1, 'vanished', $2)")
                .bind(shard)
                .bind(now_ms + 1_000)
                .execute(&mut *transaction)
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
        let lifecycle = Lifecycle::new();
        relay(&database, &outbox, &connection, &lifecycle);
        write(&database, &outbox, &topic, "ord_1", 1).await;
        drained(&database).await;
        lifecycle.stop(Duration::from_secs(20)).await;
    });
}

#[test]
fn what_was_published_long_ago_goes_and_what_waits_stays() {
    on_each_database(async |url| {
        let database = open(&url).await;
        let (connection, topic) = topic(&servers::shared_dev_broker()).await;
        let outbox = Outbox::new();
        let lifecycle = Lifecycle::new();
        relay(&database, &outbox, &connection, &lifecycle);
        write(&database, &outbox, &topic, "ord_1", 1).await;
        drained(&database).await;
        lifecycle.stop(Duration::from_secs(20)).await;

        // Nobody can be reached by the next one.
        let nobody = Connection::new("127.0.0.1:9");
        write(&database, &outbox, &topic, "ord_2", 1).await;
        let lifecycle = Lifecycle::new();
        let options = RelayOptions {
            kept: Duration::ZERO,
            name: None,
        };
        relay_with(options, &database, &outbox, &nobody, &lifecycle);
        let keys = || async {
            sqlx::query_scalar::<_, String>("SELECT record_key FROM outbox_events ORDER BY record_key")
                .fetch_all(database.pool())
                .await
                .unwrap()
        };
        let swept = async {
            while keys().await != ["ord_2"] {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), swept)
            .await
            .expect("what was published goes");
        assert!(lifecycle.stop(Duration::from_secs(20)).await);
    });
}
