use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use test_support::dev_broker::DevBroker;
use test_support::patience::eventually;
use weir_kafka::{Connection, EndAnswer, Probe};

use crate::servers::{connection_to, make, on_each_server, records, sink, topic, unique};

fn probe(connection: &Connection, topic: &str) -> (Probe, Receiver<EndAnswer>) {
    let (tell, told) = mpsc::channel();
    let probe = Probe::start(connection, topic, Duration::from_millis(50), move |answer| {
        let _ = tell.send(answer);
    });
    (probe.unwrap(), told)
}

fn next(answers: &Receiver<EndAnswer>) -> EndAnswer {
    answers.recv_timeout(Duration::from_secs(20)).unwrap()
}

/// Waits for an answer with these ends of the partition.
fn wait_for(answers: &Receiver<EndAnswer>, partition: i32, ends: (i64, i64)) {
    eventually("ends", || match next(answers).ends.get(&partition) {
        Some(&seen) if seen == ends => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn the_probe_tells_the_ends_again_and_again() {
    on_each_server(|connection| {
        let topic = topic(connection, 2);
        let (_probe, answers) = probe(connection, &topic);
        let first = next(&answers);
        assert_eq!(first.ends, [(0, (0, 0)), (1, (0, 0))].into());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        assert!((now - 20_000..=now).contains(&first.asked_at_ms));
        sink(connection).commit(&records(&topic, 1, &["a"])).unwrap();
        wait_for(&answers, 1, (0, 2));
    });
}

#[test]
fn an_open_transaction_counts_as_unread() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let (_probe, answers) = probe(connection, &topic);
        wait_for(&answers, 0, (0, 0));
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &connection.bootstrap_servers)
            .set("transactional.id", unique("open"))
            .create()
            .unwrap();
        producer.init_transactions(Duration::from_secs(10)).unwrap();
        producer.begin_transaction().unwrap();
        producer
            .send(BaseRecord::<(), str>::to(&topic).payload("open"))
            .unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        wait_for(&answers, 0, (0, 1));
        producer.abort_transaction(Duration::from_secs(10)).unwrap();
        wait_for(&answers, 0, (0, 2));
    });
}

#[test]
fn a_partition_added_while_running_is_found() {
    on_each_server(|connection| {
        let topic = topic(connection, 1);
        let (_probe, answers) = probe(connection, &topic);
        wait_for(&answers, 0, (0, 0));
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &connection.bootstrap_servers)
            .create()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let more = [NewPartitions::new(&topic, 3)];
        for result in runtime
            .block_on(admin.create_partitions(&more, &AdminOptions::new()))
            .unwrap()
        {
            result.unwrap();
        }
        wait_for(&answers, 2, (0, 0));
    });
}

#[test]
fn while_the_broker_is_away_there_is_no_answer_and_afterwards_there_is() {
    let mut broker = DevBroker::start();
    make(&connection_to(&broker), "orders", 1, &[]);
    let (_probe, answers) = probe(&connection_to(&broker), "orders");
    wait_for(&answers, 0, (0, 0));
    broker.kill();
    while answers.recv_timeout(Duration::from_secs(2)).is_ok() {}
    broker.start_again();
    wait_for(&answers, 0, (0, 0));
}
