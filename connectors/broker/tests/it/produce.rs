//! Records in, the same records out.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::clients::{Own, WAIT, numbers, producer, send, values_of};

#[test]
fn what_is_produced_is_consumed_in_order_with_every_compression() {
    let own = Own::start();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        own.topic(codec, 1);
        let mut config = own.client();
        config
            .set("compression.codec", codec)
            .set("enable.idempotence", "true");
        send(&producer(config), codec, 0, 0..5_000);
        assert_eq!(values_of(own.client(), codec, 0), numbers(0..5_000), "{codec}");
    }
}

#[test]
fn key_headers_and_timestamp_come_back_as_they_were_sent() {
    let own = Own::start();
    own.topic("t", 1);
    let sender = producer(own.client());
    let headers = OwnedHeaders::new().insert(Header {
        key: "h",
        value: Some("v"),
    });
    let record = BaseRecord::to("t")
        .key("key")
        .payload("value")
        .timestamp(1_234_567)
        .headers(headers);
    sender.send(record).map_err(|(error, _)| error).unwrap();
    sender.flush(WAIT).unwrap();

    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let message = consumer.poll(WAIT).unwrap().unwrap();
    assert_eq!(message.key(), Some(&b"key"[..]));
    assert_eq!(message.timestamp().to_millis(), Some(1_234_567));
    assert_eq!(message.headers().unwrap().get(0).value, Some(&b"v"[..]));
}

#[test]
fn a_waiting_fetch_is_woken_at_once() {
    let own = Own::start();
    own.topic("t", 2);
    let sender = producer(own.client());
    send(&sender, "t", 0, 0..1);
    let consumer: BaseConsumer = own
        .client()
        .set("group.id", "g")
        .set("fetch.wait.max.ms", "50000")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("t", 0, Offset::Beginning).unwrap();
    list.add_partition_offset("t", 1, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    consumer.poll(WAIT).unwrap().unwrap();
    for n in 1..4 {
        // The consumer's next fetch is on its way or waiting; either way it answers long before its 50 s.
        let sent = Instant::now();
        send(&sender, "t", 0, n..n + 1);
        consumer.poll(WAIT).unwrap().unwrap();
        assert!(sent.elapsed() < Duration::from_secs(25), "{:?}", sent.elapsed());
    }
}
