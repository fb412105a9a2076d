//! Transactions as librdkafka makes them.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;
use rdkafka::{Offset, TopicPartitionList};

use crate::clients::{Own, Sender, WAIT, numbers, producer, read_from, send, until, values_of};

pub(crate) fn transactional(mut config: ClientConfig, id: &str) -> Sender {
    let sender = producer(config.set("transactional.id", id).clone());
    sender.init_transactions(WAIT).unwrap();
    sender
}

pub(crate) fn reader(config: &ClientConfig, isolation: &str) -> ClientConfig {
    config.clone().set("isolation.level", isolation).clone()
}

fn committed(own: &Own) -> Vec<String> {
    values_of(reader(&own.client(), "read_committed"), "t", 0)
}

fn uncommitted(own: &Own) -> Vec<String> {
    values_of(reader(&own.client(), "read_uncommitted"), "t", 0)
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(inner) if inner.is_fatal())
}

#[test]
fn a_reader_of_committed_records_sees_commits_whole_and_aborts_never() {
    let mut own = Own::start();
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
    let from_the_middle = read_from(reader(&own.client(), "read_committed"), "t", 0, 15);
    assert_eq!(
        from_the_middle[0],
        (22, "20".to_owned()),
        "an abort that began before is skipped as well"
    );
    drop(sender);
    own.restart();
    assert_eq!(committed(&own), expected);
}

#[test]
fn an_open_transaction_is_not_seen_and_holds_back_what_comes_after_it() {
    let own = Own::start();
    own.topic("t", 1);
    let sender = transactional(own.client(), "id");
    sender.begin_transaction().unwrap();
    send(&sender, "t", 0, 0..5);
    send(&producer(own.client()), "t", 0, 5..10);
    assert!(committed(&own).is_empty());
    assert_eq!(uncommitted(&own), numbers(0..10));
    sender.commit_transaction(WAIT).unwrap();
    assert_eq!(committed(&own), numbers(0..10));
}

#[test]
fn a_takeover_rolls_back_what_was_open_and_fences_the_old_producer() {
    let own = Own::start();
    own.topic("t", 1);
    let old = transactional(own.client(), "id");
    old.begin_transaction().unwrap();
    send(&old, "t", 0, 0..5);
    let new = transactional(own.client(), "id");
    new.begin_transaction().unwrap();
    send(&new, "t", 0, 5..10);
    let fenced = old.commit_transaction(WAIT).unwrap_err();
    assert!(is_fatal(&fenced), "{fenced:?}");
    assert_eq!(fenced.rdkafka_error_code(), Some(RDKafkaErrorCode::Fenced));
    new.commit_transaction(WAIT).unwrap();
    assert_eq!(committed(&own), numbers(5..10));
}

#[test]
fn a_transaction_that_takes_too_long_is_rolled_back_and_its_producer_fenced() {
    let own = Own::start();
    own.topic("t", 1);
    let mut config = own.client();
    config
        .set("transaction.timeout.ms", "5000")
        .set("socket.timeout.ms", "5000")
        .set("message.timeout.ms", "5000");
    let sender = transactional(config, "id");
    sender.begin_transaction().unwrap();
    send(&sender, "t", 0, 0..5);
    send(&producer(own.client()), "t", 0, 5..6);
    until("the broker rolls it back", || committed(&own) == numbers(5..6));
    let error = sender.commit_transaction(WAIT).unwrap_err();
    assert!(is_fatal(&error), "{error:?}");
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::Fenced));
}

#[test]
fn a_time_out_longer_than_the_broker_allows_is_refused() {
    let own = Own::with(|config| config.transaction_max_timeout = Duration::from_secs(5));
    let mut config = own.client();
    config
        .set("transactional.id", "id")
        .set("transaction.timeout.ms", "6000");
    let error = producer(config).init_transactions(WAIT).unwrap_err();
    assert_eq!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::InvalidTransactionTimeout)
    );
}

fn group_offset(own: &Own) -> Offset {
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition("in", 0);
    let found = consumer.committed_offsets(asked, WAIT).unwrap();
    found.find_partition("in", 0).unwrap().offset()
}

fn offsets(offset: i64, metadata: &str) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition("in", 0);
    element.set_offset(Offset::Offset(offset)).unwrap();
    element.set_metadata(metadata);
    list
}

#[test]
fn offsets_in_a_transaction_count_when_it_commits_and_never_when_it_aborts() {
    let mut own = Own::start();
    own.topic("in", 1);
    own.topic("t", 1);
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let group = consumer.group_metadata().unwrap();
    let sender = transactional(own.client(), "id");
    for (offset, commit) in [(10, true), (20, false), (30, true)] {
        sender.begin_transaction().unwrap();
        send(&sender, "t", 0, offset..offset + 1);
        sender
            .send_offsets_to_transaction(&offsets(offset as i64, "m"), &group, WAIT)
            .unwrap();
        match commit {
            true => sender.commit_transaction(WAIT).unwrap(),
            false => sender.abort_transaction(WAIT).unwrap(),
        }
        assert_eq!(
            group_offset(&own),
            Offset::Offset(if commit { offset as i64 } else { 10 })
        );
    }
    own.restart();
    assert_eq!(group_offset(&own), Offset::Offset(30));
}

#[test]
fn too_much_metadata_in_a_transaction_aborts_it_and_the_next_one_commits() {
    let own = Own::start();
    own.topic("in", 1);
    own.topic("t", 1);
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let group = consumer.group_metadata().unwrap();
    let sender = transactional(own.client(), "id");
    sender.begin_transaction().unwrap();
    send(&sender, "t", 0, 0..1);
    let error = sender
        .send_offsets_to_transaction(&offsets(1, &"m".repeat(4_097)), &group, WAIT)
        .unwrap_err();
    assert!(
        matches!(&error, KafkaError::Transaction(e) if e.txn_requires_abort()),
        "{error:?}"
    );
    sender.abort_transaction(WAIT).unwrap();
    sender.begin_transaction().unwrap();
    send(&sender, "t", 0, 1..2);
    sender.commit_transaction(WAIT).unwrap();
    assert_eq!(committed(&own), numbers(1..2));
}

#[test]
fn a_transaction_goes_on_over_a_restart_of_the_broker() {
    let mut own = Own::start();
    own.topic("t", 2);
    let sender = transactional(own.client(), "id");
    for n in 0..3 {
        sender.begin_transaction().unwrap();
        send(&sender, "t", 0, n * 10..n * 10 + 5);
        own.restart();
        assert_eq!(committed(&own).len(), n * 10, "still open");
        send(&sender, "t", 0, n * 10 + 5..n * 10 + 10);
        sender.commit_transaction(WAIT).unwrap();
    }
    assert_eq!(committed(&own), numbers(0..30));
}

#[test]
fn transactions_of_many_producers_in_one_partition_keep_apart() {
    let own = Own::start();
    own.topic("t", 1);
    let senders: Vec<Sender> = (0..4)
        .map(|n| transactional(own.client(), &format!("id-{n}")))
        .collect();
    let mut expected = Vec::new();
    for round in 0..5 {
        senders
            .iter()
            .for_each(|sender| sender.begin_transaction().unwrap());
        for (n, sender) in senders.iter().enumerate() {
            let value = round * 10 + n;
            send(sender, "t", 0, value..value + 1);
            if (round + n) % 2 == 0 {
                expected.push(value.to_string());
            }
        }
        for (n, sender) in senders.iter().enumerate().rev() {
            match (round + n) % 2 {
                0 => sender.commit_transaction(WAIT).unwrap(),
                _ => sender.abort_transaction(WAIT).unwrap(),
            }
        }
    }
    assert_eq!(committed(&own), expected);
}
