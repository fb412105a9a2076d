//! Old segments go; what is left is read as before.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, Producer};

use crate::clients::{Own, Sender, WAIT, files, producer, read_from, send, topic, until};

fn often(config: &mut weir_broker::Config) {
    config.retention_check = Duration::from_millis(20);
}

fn bounds(own: &Own) -> (i64, i64) {
    bounds_of(own, "t")
}

fn bounds_of(own: &Own, topic: &str) -> (i64, i64) {
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    consumer.fetch_watermarks(topic, 0, WAIT).unwrap()
}

fn fill(sender: &Sender, topic: &str, records: usize) {
    let value = "x".repeat(500);
    for n in 0..records {
        sender
            .send(BaseRecord::<str, str>::to(topic).payload(&value))
            .map_err(|(error, _)| error)
            .unwrap();
        if n % 10 == 0 {
            sender.flush(WAIT).unwrap();
        }
    }
    sender.flush(WAIT).unwrap();
}

#[test]
fn segments_beyond_retention_bytes_are_deleted() {
    let mut own = Own::with(often);
    topic(
        &own.address(),
        "t",
        1,
        &[("segment.bytes", "20000"), ("retention.bytes", "60000")],
    );
    fill(&producer(own.client()), "t", 1_000);
    let sizes = || -> Vec<u64> {
        let segments = files(own.folder.path(), ".log");
        segments.into_iter().map(|(_, size)| size).collect()
    };
    until(
        "without its oldest segment less than asked for would be left",
        || sizes()[1..].iter().sum::<u64>() < 60_000,
    );
    let kept: u64 = sizes().iter().sum();
    assert!(kept >= 60_000, "{kept}");
    let before = bounds(&own);
    assert_eq!(before.1, 1_000);
    own.restart();
    assert_eq!(bounds(&own), before);
    assert_eq!(
        read_from(own.client(), "t", 0, before.0).len() as i64,
        1_000 - before.0
    );
}

#[test]
fn segments_older_than_retention_ms_are_deleted_even_the_last_one() {
    let mut own = Own::with(often);
    topic(&own.address(), "t", 1, &[("retention.ms", "200")]);
    send(&producer(own.client()), "t", 0, 0..100);
    until("all are gone", || bounds(&own) == (100, 100));
    own.restart();
    assert_eq!(bounds(&own), (100, 100));
    send(&producer(own.client()), "t", 0, 100..101);
}

#[test]
fn a_topic_that_is_to_be_compacted_keeps_everything() {
    let own = Own::with(often);
    topic(
        &own.address(),
        "t",
        1,
        &[
            ("cleanup.policy", "compact"),
            ("retention.ms", "1"),
            ("segment.bytes", "1024"),
        ],
    );
    topic(&own.address(), "u", 1, &[("retention.ms", "1")]);
    fill(&producer(own.client()), "t", 50);
    fill(&producer(own.client()), "u", 50);
    // Topics are cleaned in the order of their names.
    until("the other topic is empty", || bounds_of(&own, "u") == (50, 50));
    assert_eq!(bounds(&own), (0, 50));
}
