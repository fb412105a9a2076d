//! Which settings make sense.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use super::Settings;

fn good() -> Settings {
    Settings {
        bootstrap_servers: "127.0.0.1:9092".to_owned(),
        ..Settings::default()
    }
}

fn fault(change: impl Fn(&mut Settings)) -> String {
    let mut settings = good();
    change(&mut settings);
    settings.check().unwrap_err().to_string()
}

#[test]
fn the_defaults_need_only_a_broker() {
    good().check().unwrap();
    assert!(
        Settings::default()
            .check()
            .unwrap_err()
            .to_string()
            .starts_with("bootstrap-servers")
    );
}

#[test]
fn the_first_wrong_key_is_named() {
    assert!(fault(|s| s.workers = 0).starts_with("workers"));
    assert!(fault(|s| s.workers = 5_000).starts_with("workers"));
    assert!(fault(|s| s.orders_partitions = 0).starts_with("orders-partitions"));
    assert!(fault(|s| s.job_id = "a b".to_owned()).starts_with("job-id"));
    assert!(fault(|s| s.job_id = "x".repeat(201)).starts_with("job-id"));
    assert!(fault(|s| s.late_topic = "..".to_owned()).starts_with("late-topic"));
    assert!(fault(|s| s.late_topic.clone_from(&s.dlq_topic)).starts_with("late-topic"));
    assert!(fault(|s| s.results_topic = s.progress_topic()).starts_with("results-topic"));
    assert!(fault(|s| s.currency = "US".to_owned()).starts_with("currency"));
    assert!(fault(|s| s.window = Duration::ZERO).starts_with("window"));
    assert!(fault(|s| s.window = Duration::from_millis(1_500)).starts_with("window"));
    assert!(
        fault(|s| s.allowed_lateness = Duration::from_secs(400 * 86_400)).starts_with("allowed-lateness")
    );
    assert!(fault(|s| s.max_ahead = Duration::from_secs(400 * 86_400)).starts_with("max-ahead"));
    assert!(fault(|s| s.read_ahead = 0).starts_with("read-ahead"));
    assert!(fault(|s| s.transaction_timeout = Duration::ZERO).starts_with("transaction-timeout"));
    assert!(fault(|s| s.bootstrap_servers = " ".to_owned()).starts_with("bootstrap-servers"));
    let brokers = ("bootstrap.servers".to_owned(), "b:1".to_owned());
    assert!(fault(|s| s.kafka.push(brokers.clone())).starts_with("kafka"));
    let property = ("enable.idempotence".to_owned(), "false".to_owned());
    assert!(fault(|s| s.kafka.push(property.clone())).starts_with("kafka"));
}

#[test]
fn no_secret_is_shown_by_debug() {
    let mut settings = good();
    for property in [
        "sasl.password",
        "ssl.key.pem",
        "sasl.oauthbearer.assertion.private.key.passphrase",
    ] {
        settings.kafka.push((property.to_owned(), "hunter2".to_owned()));
    }
    settings
        .kafka
        .push(("sasl.username".to_owned(), "ann".to_owned()));
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter2") && shown.contains("ann"), "{shown}");
}
