//! The job on an Apache Kafka behind TLS and a password.

use std::time::Duration;

use nix::sys::signal::Signal;
use test_support::servers::{GuardedKafka, guarded_kafka};

use crate::job::Job;
use crate::stage::{Stage, orders};

/// Starts the job as an operator would: what is no secret in flags, the password in the environment.
fn start(stage: &Stage, more: &[&str], kafka: &GuardedKafka) -> Job {
    let mut arguments = stage.arguments(more);
    for (name, value) in kafka.properties() {
        if name != "sasl.password" {
            arguments.extend(["--kafka".to_owned(), format!("{name}={value}")]);
        }
    }
    let password = format!("sasl.password={}", kafka.password);
    // All that librdkafka has to say of how it comes in, and all of our own.
    arguments.extend(["--kafka", "debug=security,broker,protocol"].map(str::to_owned));
    Job::start_with(
        &arguments,
        &[("ORDER_ANALYTICS_KAFKA", &password), ("RUST_LOG", "debug")],
    )
}

fn stage(kafka: &GuardedKafka) -> Stage {
    let mut stage = Stage::new(&kafka.address);
    stage.connection.properties = kafka.properties();
    stage
}

#[test]
fn windows_are_exact_over_tls_and_the_password_is_in_no_log() {
    let Some(kafka) = guarded_kafka() else { return };
    let stage = stage(&kafka);
    stage.make("orders", 2);
    let orders = orders(400, 2, 0);
    stage.write_orders(&orders, 2);
    let mut job = start(&stage, &["--bounded"], &kafka);
    job.ends_with(0, Duration::from_secs(60));
    stage.holds(&orders, 60);
    // What is not there is not seen for want of a log.
    assert!(job.stderr().contains("SCRAM-SHA-512"), "{}", job.stderr());
    for said in [job.stderr(), job.stdout()] {
        assert!(!said.contains(&kafka.password), "the password is shown");
    }
}

#[test]
fn a_wrong_password_is_complained_of_and_not_shown() {
    let Some(mut kafka) = guarded_kafka() else { return };
    let stage = stage(&kafka);
    kafka.password = "correct-horse".to_owned();
    let mut job = start(&stage, &[], &kafka);
    job.says("the Kafka broker refuses the connection");
    job.says("invalid credentials");
    job.signal(Signal::SIGTERM);
    job.ends_with(0, Duration::from_secs(30));
    assert!(!job.stderr().contains(&kafka.password), "the password is shown");
}

#[test]
fn a_job_that_speaks_plainly_to_tls_is_told_so() {
    let Some(kafka) = guarded_kafka() else { return };
    let mut job = Job::start(&Stage::new(&kafka.address).arguments(&[]));
    job.says("as a TLS listener does; check security.protocol");
}

#[test]
fn a_certificate_file_that_cannot_be_read_is_a_wrong_setting() {
    let Some(mut kafka) = guarded_kafka() else { return };
    let stage = stage(&kafka);
    kafka.authority = "/no/such/authority.pem".to_owned();
    let mut job = start(&stage, &[], &kafka);
    job.ends_with(64, Duration::from_secs(30));
    let log = job.stderr();
    assert!(
        log.contains("kafka: ") && log.contains("ssl.ca.location"),
        "{log}"
    );
}
