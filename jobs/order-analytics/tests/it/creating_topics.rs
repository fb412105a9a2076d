//! `create-topics`, for a cluster in which programs may make none.

use std::time::Duration;

use test_support::servers::on_each_broker;
use weir_kafka::topic_setting;

use crate::job::Job;
use crate::stage::Stage;

const SOON: Duration = Duration::from_secs(60);
const DAY_MS: u64 = 86_400_000;

#[test]
fn every_topic_of_the_platform_is_made_and_kept_as_long_as_it_is_to_be() {
    on_each_broker(|broker| {
        let stage = Stage::new(broker);
        let (messages, dead) = (stage.topic("notifications"), stage.topic("notifications-dlq"));
        let messages_kept = format!("{messages}=7d");
        let dead_kept = format!("{dead}=3650d");
        let mut arguments = stage.arguments(&[
            "--orders-partitions",
            "3",
            "--with",
            &messages_kept,
            "--with",
            &dead_kept,
        ]);
        arguments[0] = "create-topics".to_owned();
        // Twice: what is there stays.
        for _ in 0..2 {
            Job::start(&arguments).ends_with(0, SOON);
        }
        for (what, partitions, days) in [
            ("orders", 3, 7),
            ("results", 1, 3650),
            ("dlq", 1, 3650),
            ("late", 1, 3650),
            ("notifications", 3, 7),
            ("notifications-dlq", 3, 3650),
        ] {
            assert_eq!(stage.partitions(what), partitions, "{what}");
            let kept = topic_setting(&stage.connection, &stage.topic(what), "retention.ms").unwrap();
            assert_eq!(kept, Some((days * DAY_MS).to_string()), "{what}");
        }
        let progress = format!("{}-progress", stage.name);
        let policy = topic_setting(&stage.connection, &progress, "cleanup.policy").unwrap();
        assert_eq!(policy.as_deref(), Some("compact"));
    });
}

#[test]
fn a_topic_without_a_retention_is_refused() {
    let stage = Stage::new("broker.example:9093");
    let mut arguments = stage.arguments(&["--with", "notifications"]);
    arguments[0] = "create-topics".to_owned();
    let mut job = Job::start(&arguments);
    job.ends_with(64, SOON);
    assert!(
        job.stderr().contains("write it as notifications=7d"),
        "{}",
        job.stderr()
    );
}
