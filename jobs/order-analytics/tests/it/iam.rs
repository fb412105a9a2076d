//! The job on an Apache Kafka that takes an AWS identity, as Amazon MSK does.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use test_support::patience::eventually;
use test_support::servers::{IamKafka, apache_kafka, iam_kafka};
use weir_proto::Timestamp;

use crate::job::Job;
use crate::stage::{Stage, orders};

/// Starts the job as a pod would be: its identity in the environment. The test itself comes in plain.
fn start(stage: &Stage, more: &[&str], kafka: &IamKafka) -> Job {
    start_as(stage, more, kafka, &kafka.environment())
}

fn start_as(stage: &Stage, more: &[&str], kafka: &IamKafka, identity: &[(&str, &str)]) -> Job {
    let mut arguments = stage.arguments(more);
    let plain = &stage.connection.bootstrap_servers;
    for argument in &mut arguments {
        if argument == plain {
            argument.clone_from(&kafka.address);
        }
    }
    let authority = format!("ssl.ca.location={}", kafka.authority);
    arguments.extend(["--kafka-auth", "msk-iam", "--kafka", &authority].map(str::to_owned));
    let mut environment = Vec::from(identity);
    environment.push(("RUST_LOG", "debug"));
    Job::start_with(&arguments, &environment)
}

fn servers() -> Option<(Stage, IamKafka)> {
    Some((Stage::new(&apache_kafka()?), iam_kafka()?))
}

#[test]
fn windows_are_exact_and_neither_secret_nor_token_is_in_a_log() {
    let Some((stage, kafka)) = servers() else { return };
    stage.make("orders", 2);
    let orders = orders(400, 2, 0);
    stage.write_orders(&orders, 2);
    let mut job = start(&stage, &["--bounded"], &kafka);
    job.ends_with(0, Duration::from_secs(60));
    stage.holds(&orders, 60);
    // The beginning of every token: `https://kafka.`, in Base64.
    for secret in [kafka.secret_key.as_str(), "aHR0cHM6Ly9rYWZrYS4"] {
        for said in [job.stderr(), job.stdout()] {
            assert!(!said.contains(secret), "`{secret}` is shown");
        }
    }
}

#[test]
fn a_wrong_signature_is_complained_of() {
    let Some((stage, mut kafka)) = servers() else {
        return;
    };
    kafka.secret_key = "another".to_owned();
    let mut job = start(&stage, &[], &kafka);
    job.says("the Kafka broker refuses the connection");
    job.signal(Signal::SIGTERM);
    job.ends_with(0, Duration::from_secs(30));
}

#[test]
fn a_password_beside_it_is_a_wrong_setting() {
    let Some((stage, kafka)) = servers() else { return };
    let mut job = start(&stage, &["--kafka", "sasl.username=ann"], &kafka);
    job.ends_with(64, Duration::from_secs(30));
    assert!(
        job.stderr().contains("`sasl.username` cannot be set"),
        "{}",
        job.stderr()
    );
}

/// What tells a pod who it is: credentials that are good for seconds, as often as they are asked for.
struct PodIdentity {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl PodIdentity {
    fn start(kafka: &IamKafka, good_for: Duration) -> PodIdentity {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, kafka) = (asked.clone(), kafka.clone());
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
                while !request.next().unwrap().unwrap().is_empty() {}
                let until = (SystemTime::now() + good_for).duration_since(UNIX_EPOCH).unwrap();
                let until = Timestamp::from_millis(i64::try_from(until.as_millis()).unwrap()).unwrap();
                let body = serde_json::json!({
                    "AccessKeyId": kafka.access_key,
                    "SecretAccessKey": kafka.secret_key,
                    "Token": "a/session+token==",
                    "Expiration": until.to_string(),
                })
                .to_string();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        PodIdentity { address, asked }
    }
}

/// A connection is good for as long as the token that it was opened with: the broker closes those that show no newer one.
#[test]
fn a_job_outlives_its_credentials() {
    let Some((stage, kafka)) = servers() else { return };
    let identity = PodIdentity::start(&kafka, Duration::from_secs(30));
    let address = format!("http://{}/v1/credentials", identity.address);
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.as_str()),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    stage.make("orders", 1);
    let mut job = start_as(&stage, &[], &kafka, &environment);
    let mut all = Vec::new();
    for round in 0..2 {
        let more = orders(400, 4, round * 100);
        stage.write_orders(&more, 1);
        all.extend(more);
        eventually("a window of this round", || {
            let known = stage.results().keys().max().copied().unwrap_or(-60);
            match known >= round * 100 - 60 {
                true => Ok(()),
                false => Err(format!("{known}\n{}", job.stderr())),
            }
        });
        // They are asked for every five seconds: those that this round began with have ended.
        let enough = identity.asked.load(Ordering::Relaxed) + 7;
        eventually("new credentials", || {
            match identity.asked.load(Ordering::Relaxed) {
                asked if asked >= enough => Ok(()),
                asked => Err(format!("asked {asked} times")),
            }
        });
    }
    job.signal(Signal::SIGTERM);
    job.ends_with(0, Duration::from_secs(30));
    let log = job.stderr();
    assert!(!log.contains("refuses the connection"), "{log}");
    start(&stage, &["--bounded"], &kafka).ends_with(0, Duration::from_secs(60));
    stage.holds(&all, 60);
}
