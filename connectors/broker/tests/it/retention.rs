//! Old segments go; what is left is read as before.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, Producer};

use crate::clients::{Own, Sender, WAIT, files, producer, read_from, send, topic, until};

fn often(config: &mut weir_broker::Config) {
    config.retention_check = Duration::from_millis(20);
}

fn bounds(own: &Own) -> (i64, i64) {
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    consumer.fetch_watermarks("t", 0, WAIT).unwrap()
}

fn fill(sender: &Sender, records: usize) {
    let value = "x".repeat(500);
    for n in 0..records {
        sender
            .send(BaseRecord::<str, str>::to("t").payload(&value))
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
    fill(&producer(own.client()), 1_000);
    until("old segments go", || bounds(&own).0 > 0);
    let kept: u64 = files(own.folder.path(), ".log")
        .iter()
        .map(|(_, size)| size)
        .sum();
    until("no more is kept than asked for", || {
        files(own.folder.path(), ".log")
            .iter()
            .map(|(_, size)| size)
            .sum::<u64>()
            <= 80_000
    });
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
    fill(&producer(own.client()), 50);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(bounds(&own), (0, 50));
}
