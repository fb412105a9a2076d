//! Transactions as librdkafka makes them.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::producer::Producer;

use crate::clients::{Own, Sender, WAIT, numbers, producer, send, values_of};

pub(crate) fn transactional(mut config: ClientConfig, id: &str) -> Sender {
    let sender = producer(
        config
            .set("transactional.id", id)
            .set("transaction.timeout.ms", "60000")
            .clone(),
    );
    sender.init_transactions(WAIT).unwrap();
    sender
}

fn committed(own: &Own) -> Vec<String> {
    let mut config = own.client();
    config.set("isolation.level", "read_committed");
    values_of(config, "t", 0)
}

fn uncommitted(own: &Own) -> Vec<String> {
    let mut config = own.client();
    config.set("isolation.level", "read_uncommitted");
    values_of(config, "t", 0)
}

#[test]
fn a_reader_of_committed_records_sees_commits_whole_and_aborts_never() {
    let own = Own::start();
    own.topic("t", 1);
    let sender = transactional(own.client(), "id");
    for n in 0..6 {
        sender.begin_transaction().unwrap();
        send(&sender, "t", 0, n * 10..n * 10 + 10);
        match n % 2 {
            0 => sender.commit_transaction(WAIT).unwrap(),
            _ => sender.abort_transaction(WAIT).unwrap(),
        }
    }
    let expected: Vec<String> = [numbers(0..10), numbers(20..30), numbers(40..50)].concat();
    assert_eq!(committed(&own), expected);
    assert_eq!(uncommitted(&own), numbers(0..60));
    let _ = Duration::ZERO;
}
