//! Topics, settings, records and groups as administrators change them.

use std::time::Duration;

use rdkafka::admin::{
    AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::clients::{Own, WAIT, admin, numbers, producer, read_from, send, topic, values_of, wait_for};
use crate::hostile::{Raw, string};

fn partitions(own: &Own, name: &str) -> usize {
    let consumer: BaseConsumer = own.client().create().unwrap();
    let metadata = consumer.fetch_metadata(Some(name), WAIT).unwrap();
    metadata.topics()[0].partitions().len()
}

fn create(
    own: &Own,
    name: &str,
    partitions: i32,
    replicas: i32,
    config: (&str, &str),
) -> Result<(), RDKafkaErrorCode> {
    let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
    if !config.0.is_empty() {
        new = new.set(config.0, config.1);
    }
    let results = wait_for(admin(&own.address()).create_topics([&new], &AdminOptions::new())).unwrap();
    results
        .into_iter()
        .next()
        .unwrap()
        .map(drop)
        .map_err(|(_, code)| code)
}

#[test]
fn a_topic_is_created_once_and_impossible_ones_never() {
    let own = Own::start();
    assert_eq!(create(&own, "t", 4, 1, ("", "")), Ok(()));
    assert_eq!(partitions(&own, "t"), 4);
    assert_eq!(
        create(&own, "t", 4, 1, ("", "")),
        Err(RDKafkaErrorCode::TopicAlreadyExists)
    );
    assert_eq!(
        create(&own, "u", 4, 3, ("", "")),
        Err(RDKafkaErrorCode::InvalidReplicationFactor)
    );
    assert_eq!(
        create(&own, "u", 100_000, 1, ("", "")),
        Err(RDKafkaErrorCode::InvalidPartitions)
    );
    assert_eq!(
        create(&own, "a/../../b", 1, 1, ("", "")),
        Err(RDKafkaErrorCode::InvalidTopic)
    );
    assert_eq!(
        create(&own, "..", 1, 1, ("", "")),
        Err(RDKafkaErrorCode::InvalidTopic)
    );
    assert_eq!(
        create(&own, "u", 1, 1, ("retention.sm", "1")),
        Err(RDKafkaErrorCode::InvalidConfig)
    );
}

#[test]
fn a_deleted_topic_is_gone_and_a_new_one_of_its_name_is_empty() {
    let mut own = Own::start();
    own.topic("t", 1);
    let sender = producer(own.client());
    send(&sender, "t", 0, 0..100);
    let deleted =
        wait_for(admin(&own.address()).delete_topics(&["t", "none"], &AdminOptions::new())).unwrap();
    assert!(deleted[0].is_ok());
    assert_eq!(
        deleted[1].as_ref().unwrap_err().1,
        RDKafkaErrorCode::UnknownTopicOrPartition
    );
    own.topic("t", 1);
    assert!(values_of(own.client(), "t", 0).is_empty());
    send(&producer(own.client()), "t", 0, 5..8);
    own.restart();
    assert_eq!(values_of(own.client(), "t", 0), numbers(5..8));
}

#[test]
fn partitions_are_added_and_the_old_ones_keep_their_records() {
    let mut own = Own::start();
    own.topic("t", 1);
    send(&producer(own.client()), "t", 0, 0..10);
    let grow = |n| {
        wait_for(admin(&own.address()).create_partitions(&[NewPartitions::new("t", n)], &AdminOptions::new()))
    };
    assert!(grow(3).unwrap()[0].is_ok());
    assert_eq!(
        grow(2).unwrap()[0].as_ref().unwrap_err().1,
        RDKafkaErrorCode::InvalidPartitions
    );
    assert_eq!(partitions(&own, "t"), 3);
    send(&producer(own.client()), "t", 2, 0..10);
    own.restart();
    assert_eq!(partitions(&own, "t"), 3);
    assert_eq!(values_of(own.client(), "t", 0), numbers(0..10));
    assert_eq!(values_of(own.client(), "t", 2), numbers(0..10));
}

fn config(own: &Own, name: &str) -> String {
    let resource = ResourceSpecifier::Topic("t");
    let described =
        wait_for(admin(&own.address()).describe_configs([&resource], &AdminOptions::new())).unwrap();
    described[0].as_ref().unwrap().entry_map()[name]
        .value
        .clone()
        .unwrap()
}

#[test]
fn settings_are_described_changed_and_kept() {
    let mut own = Own::start();
    topic(
        &own.address(),
        "t",
        1,
        &[("cleanup.policy", "compact"), ("max.message.bytes", "2000")],
    );
    assert_eq!(config(&own, "cleanup.policy"), "compact");
    assert_eq!(config(&own, "retention.ms"), "604800000");
    let change = AlterConfig::new(ResourceSpecifier::Topic("t")).set("max.message.bytes", "3000");
    let altered = wait_for(admin(&own.address()).alter_configs([&change], &AdminOptions::new())).unwrap();
    assert!(altered[0].is_ok());
    own.restart();
    assert_eq!(config(&own, "max.message.bytes"), "3000");
    assert_eq!(
        config(&own, "cleanup.policy"),
        "delete",
        "what the full set does not name goes back to its default"
    );
}

#[test]
fn a_batch_over_max_message_bytes_is_refused_and_the_next_is_taken() {
    let own = Own::start();
    topic(&own.address(), "t", 1, &[("max.message.bytes", "2000")]);
    let sender = producer(own.client());
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let large = "x".repeat(3_000);
    sender
        .send(BaseRecord::<str, str>::to("t").payload(&large))
        .map_err(|(error, _)| error)
        .unwrap();
    sender.flush(WAIT).unwrap();
    assert_eq!(consumer.fetch_watermarks("t", 0, WAIT).unwrap(), (0, 0));
    send(&sender, "t", 0, 0..1);
    assert_eq!(values_of(own.client(), "t", 0), numbers(0..1));
}

fn delete_before(own: &Own, offset: Offset) -> i64 {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, offset).unwrap();
    let deleted = wait_for(admin(&own.address()).delete_records(&list, &AdminOptions::new())).unwrap();
    match deleted.find_partition("t", 0).unwrap().offset() {
        Offset::Offset(low) => low,
        other => panic!("{other:?}"),
    }
}

#[test]
fn deleted_records_stay_deleted_and_a_reader_before_them_is_told() {
    let mut own = Own::start();
    own.topic("t", 1);
    send(&producer(own.client()), "t", 0, 0..100);
    assert_eq!(delete_before(&own, Offset::Offset(40)), 40);
    own.restart();
    let consumer: BaseConsumer = own
        .client()
        .set("group.id", "g")
        .set("auto.offset.reset", "error")
        .create()
        .unwrap();
    assert_eq!(consumer.fetch_watermarks("t", 0, WAIT).unwrap(), (40, 100));
    assert_eq!(read_from(own.client(), "t", 0, 40)[0], (40, "40".to_owned()));
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Offset(0)).unwrap();
    consumer.assign(&list).unwrap();
    let told = consumer.poll(WAIT).unwrap().map(drop).unwrap_err();
    assert_eq!(told.rdkafka_error_code(), Some(RDKafkaErrorCode::AutoOffsetReset));

    assert_eq!(delete_before(&own, Offset::End), 100);
    own.restart();
    send(&producer(own.client()), "t", 0, 100..103);
    assert_eq!(read_from(own.client(), "t", 0, 100).len(), 3);
}

#[test]
fn the_first_record_of_a_moment_is_found_with_every_compression() {
    let own = Own::start();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        own.topic(codec, 1);
        let mut config = own.client();
        config
            .set("compression.codec", codec)
            .set("enable.idempotence", "true");
        let sender = producer(config);
        for n in 0..1_000_i64 {
            let value = "v".repeat(100);
            let record = BaseRecord::<str, str>::to(codec)
                .payload(&value)
                .timestamp(1_000_000 + n / 2 * 10);
            sender.send(record).map_err(|(error, _)| error).unwrap();
        }
        sender.flush(WAIT).unwrap();
        let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
        let find = |timestamp| {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(codec, 0, Offset::Offset(timestamp))
                .unwrap();
            let found = consumer.offsets_for_times(list, WAIT).unwrap();
            found.find_partition(codec, 0).unwrap().offset()
        };
        assert_eq!(find(0), Offset::Offset(0), "{codec}");
        assert_eq!(find(1_000_000 + 10), Offset::Offset(2), "{codec}");
        assert_eq!(find(1_000_000 + 3_333), Offset::Offset(668), "{codec}");
        assert_eq!(find(1_000_000 + 4_990), Offset::Offset(998), "{codec}");
        assert_eq!(find(1_000_000 + 4_991), Offset::End, "{codec}");
    }
}

#[test]
fn a_topic_may_be_stamped_by_the_brokers_clock() {
    let own = Own::start();
    topic(
        &own.address(),
        "t",
        1,
        &[("message.timestamp.type", "LogAppendTime")],
    );
    let sender = producer(own.client());
    sender
        .send(BaseRecord::<str, str>::to("t").payload("v").timestamp(5))
        .map_err(|(error, _)| error)
        .unwrap();
    sender.flush(WAIT).unwrap();
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let stamp = consumer
        .poll(WAIT)
        .unwrap()
        .unwrap()
        .timestamp()
        .to_millis()
        .unwrap();
    assert!(stamp > 1_700_000_000_000, "{stamp}");
}

#[test]
fn a_missing_topic_is_created_only_where_that_is_switched_on() {
    let off = Own::start();
    let on = Own::with(|config| {
        config.auto_create_topics = true;
        config.default_partitions = 3;
    });
    let asked = |own: &Own| {
        let consumer: BaseConsumer = own
            .client()
            .set("allow.auto.create.topics", "true")
            .create()
            .unwrap();
        let metadata = consumer
            .fetch_metadata(Some("new"), Duration::from_secs(5))
            .unwrap();
        metadata.topics()[0].partitions().len()
    };
    assert_eq!(asked(&off), 0);
    assert_eq!(asked(&on), 3);
}

/// A broker whose group `g` has committed offset 7 of partition 0 of topic `t`, and the consumer that did it.
fn group_at_seven() -> (Own, BaseConsumer) {
    let own = Own::start();
    own.topic("t", 1);
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Offset(7)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
    (own, consumer)
}

#[test]
fn a_group_without_members_is_listed_and_deleted_with_its_offsets() {
    let (own, consumer) = group_at_seven();
    let groups = consumer.fetch_group_list(Some("g"), WAIT).unwrap();
    assert_eq!(groups.groups()[0].state(), "Empty");
    let deleted =
        wait_for(admin(&own.address()).delete_groups(&["g", "none"], &AdminOptions::new())).unwrap();
    assert!(deleted[0].is_ok() && deleted[1].is_err());
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    let left = consumer.committed_offsets(asked, WAIT).unwrap();
    assert_eq!(left.find_partition("t", 0).unwrap().offset(), Offset::Invalid);
}

#[test]
fn offsets_for_an_unknown_partition_or_with_too_much_metadata_are_refused() {
    let own = Own::start();
    own.topic("t", 1);
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let commit = |partition, metadata: &str| {
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition("t", partition);
        element.set_offset(Offset::Offset(1)).unwrap();
        element.set_metadata(metadata);
        consumer.commit(&list, CommitMode::Sync)
    };
    let code = |result: Result<(), KafkaError>| result.err().and_then(|e| e.rdkafka_error_code());
    assert_eq!(
        code(commit(9, "")),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition)
    );
    assert_eq!(
        code(commit(0, &"m".repeat(4_097))),
        Some(RDKafkaErrorCode::OffsetMetadataTooLarge)
    );
    assert_eq!(code(commit(0, &"m".repeat(4_096))), None);
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    let kept = consumer.committed_offsets(asked, WAIT).unwrap();
    assert_eq!(kept.find_partition("t", 0).unwrap().metadata().len(), 4_096);
}

fn committed(own: &Own, group: &str) -> Offset {
    let consumer: BaseConsumer = own.client().set("group.id", group).create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    let found = consumer.committed_offsets(asked, WAIT).unwrap();
    found.find_partition("t", 0).unwrap().offset()
}

/// The error that stands at a place of an answer.
fn error_at(answer: &[u8], at: usize) -> i16 {
    i16::from_be_bytes(answer[at..at + 2].try_into().unwrap())
}

#[test]
fn single_settings_are_changed_and_the_others_stay() {
    let own = Own::start();
    topic(&own.address(), "t", 1, &[("max.message.bytes", "2000")]);
    let mut raw = Raw::connect(&own.address());
    // IncrementalAlterConfigs version 0: one topic, one setting with what is done to it.
    let mut change = |name: &str, operation: u8, value: Option<&str>| {
        let value = value.map_or(vec![0xff, 0xff], string);
        let setting = [string(name), vec![operation], value].concat();
        let body = [&[0, 0, 0, 1, 2][..], &string("t"), &[0, 0, 0, 1], &setting, &[0]].concat();
        error_at(&raw.ask(44, 0, &body).unwrap(), 8)
    };
    assert_eq!(change("retention.ms", 0, Some("5000")), 0, "set");
    assert_eq!(change("cleanup.policy", 0, Some("delete")), 0);
    assert_eq!(change("cleanup.policy", 2, Some("compact")), 0, "append");
    assert_eq!(config(&own, "retention.ms"), "5000");
    assert_eq!(config(&own, "max.message.bytes"), "2000");
    assert_eq!(config(&own, "cleanup.policy"), "delete,compact");
    assert_eq!(change("cleanup.policy", 3, Some("delete")), 0, "subtract");
    assert_eq!(change("max.message.bytes", 1, None), 0, "delete");
    assert_eq!(config(&own, "cleanup.policy"), "compact");
    assert_eq!(config(&own, "max.message.bytes"), "1048588");
    assert_eq!(
        change("retention.ms", 2, Some("1")),
        40,
        "INVALID_CONFIG: no list"
    );
    assert_eq!(change("retention.ms", 9, Some("1")), 42, "INVALID_REQUEST");
    assert_eq!(config(&own, "retention.ms"), "5000");
}

#[test]
fn offsets_of_a_group_are_deleted_one_by_one() {
    let (own, _consumer) = group_at_seven();
    assert_eq!(committed(&own, "g"), Offset::Offset(7));
    let mut raw = Raw::connect(&own.address());
    // OffsetDelete version 0: group, one topic, its partition 0.
    let mut delete = |group: &str| {
        let body = [
            &string(group)[..],
            &[0, 0, 0, 1],
            &string("t"),
            &[0, 0, 0, 1],
            &[0; 4],
        ]
        .concat();
        error_at(&raw.ask(47, 0, &body).unwrap(), 0)
    };
    assert_eq!(delete("none"), 69, "GROUP_ID_NOT_FOUND");
    assert_eq!(delete("g"), 0);
    assert_eq!(committed(&own, "g"), Offset::Invalid);
}

#[test]
fn producers_and_transactions_are_described_while_one_is_open() {
    let own = Own::start();
    own.topic("t", 1);
    let sender = crate::transactions::transactional(own.client(), "id");
    sender.begin_transaction().unwrap();
    send(&sender, "t", 0, 0..5);
    let mut raw = Raw::connect(&own.address());
    // The headers of these requests and answers end with tagged fields, of which there are none.
    let mut ask = |key: i16, body: &[u8]| raw.ask(key, 0, &[&[0], body].concat()).unwrap();

    // ListTransactions: no filters. Time to wait, error, no unknown filters; then id, producer and state.
    let listed = ask(66, &[1, 1, 0]);
    assert_eq!(error_at(&listed, 5), 0);
    assert_eq!(listed[8..12], [2, 3, b'i', b'd']);
    let producer_id = &listed[12..20];
    assert_eq!(listed[20..28], *b"\x08Ongoing");
    assert_eq!(
        ask(66, &[2, 6, b'E', b'm', b'p', b't', b'y', 1, 0])[8],
        1,
        "no empty one"
    );

    // DescribeTransactions: one id.
    let described = ask(65, &[2, 3, b'i', b'd', 0]);
    assert_eq!(error_at(&described, 6), 0);
    assert_eq!(described[8..19], *b"\x03id\x08Ongoing");
    assert_eq!(&described[31..39], producer_id);
    assert_eq!(
        described[41..49],
        [2, 2, b't', 2, 0, 0, 0, 0],
        "t-0 is part of it"
    );
    assert_eq!(
        error_at(&ask(65, &[2, 3, b'n', b'o', 0]), 6),
        105,
        "TRANSACTIONAL_ID_NOT_FOUND"
    );

    // DescribeProducers of t-0: behind the error and an absent message one producer.
    let producers = ask(61, &[2, 2, b't', 2, 0, 0, 0, 0, 0, 0]);
    assert_eq!(producers[5..9], [2, 2, b't', 2]);
    assert_eq!(error_at(&producers, 13), 0);
    assert_eq!(producers[16], 2, "one producer");
    assert_eq!(&producers[17..25], producer_id);
    assert_eq!(producers[29..33], 4_i32.to_be_bytes(), "its last sequence");
    assert_eq!(
        producers[45..53],
        0_i64.to_be_bytes(),
        "where its transaction begins"
    );
    sender.commit_transaction(WAIT).unwrap();
}
