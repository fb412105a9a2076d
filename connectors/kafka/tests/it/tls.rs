//! TLS and a password, on Apache Kafka alone: the development broker has neither. Each thing that can be set wrong is named in
//! the error, and no error shows the password.

use std::sync::Arc;
use std::time::Duration;

use test_support::patience::eventually;
use test_support::servers::{GuardedKafka, apache_kafka, guarded_kafka};
use weir_kafka::{Connection, Probe, Sink, SinkError, SinkOptions, TopicError, partitions, read_last};

use crate::servers::{record, records, sink, topic, unique};
use crate::source::{read_to, source};

/// A certificate that vouches for nothing here; nobody has its key.
const ANOTHER_AUTHORITY: &str = include_str!("another-authority.pem");

fn connection_to(kafka: &GuardedKafka) -> Connection {
    Connection {
        bootstrap_servers: kafka.address.clone(),
        properties: kafka.properties(),
        ..Connection::default()
    }
}

/// The connection with one property set otherwise, or left out.
fn but_for(kafka: &GuardedKafka, name: &str, value: Option<&str>) -> Connection {
    let mut connection = connection_to(kafka);
    connection.properties.retain(|(known, _)| known != name);
    connection
        .properties
        .extend(value.map(|value| (name.to_owned(), value.to_owned())));
    connection
}

/// Tries to connect until the error has all of these words.
#[track_caller]
fn fails_naming(connection: &Connection, words: &[&str]) {
    let error = eventually(&words.join(", "), || {
        let options = SinkOptions {
            connect_timeout: Duration::from_secs(2),
            ..SinkOptions::new(unique("sink"), unique("group"))
        };
        match Sink::connect(connection, options) {
            Err(SinkError::Unavailable(reason)) if words.iter().all(|word| reason.contains(word)) => {
                Ok(reason)
            }
            Err(error) => Err(error.to_string()),
            Ok(_) => panic!("connected"),
        }
    });
    eprintln!("{error}");
    for (_, password) in connection
        .properties
        .iter()
        .filter(|(name, _)| name == "sasl.password")
    {
        assert!(!error.contains(password), "{error}");
    }
}

#[test]
fn sink_source_and_probe_work_over_tls_with_a_password() {
    let Some(kafka) = guarded_kafka() else { return };
    let connection = connection_to(&kafka);
    let topic = topic(&connection, 2);
    let mut sink = sink(&connection);
    let mut transaction = records(&topic, 0, &["a", "b"]);
    transaction.records.push(record(&topic, 1, "c"));
    transaction.offsets.push((Arc::clone(&topic), 0, 7));
    let receipt = sink.commit(&transaction).unwrap();
    assert_eq!(receipt.ends[&(Arc::clone(&topic), 0)], 2);

    let (mut source, _) = source(&connection, &topic);
    source.assign(0, 0).unwrap();
    source.assign(1, 0).unwrap();
    // The marker of the transaction stands behind each partition's records.
    assert_eq!(read_to(&mut source, 0, 3), ["a", "b"]);
    assert_eq!(read_to(&mut source, 1, 2), ["c"]);
    sink.commit(&records(&topic, 0, &["d"])).unwrap();
    assert_eq!(read_to(&mut source, 0, 5), ["d"]);

    let (tell, told) = std::sync::mpsc::channel();
    let _probe = Probe::start(&connection, &topic, Duration::from_millis(50), move |answer| {
        // Nobody listens any more once the test is over.
        let _ = tell.send(answer);
    })
    .unwrap();
    let answer = told.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(answer.ends, [(0, (0, 5)), (1, (0, 2))].into());
    let last = read_last(&connection, &topic, 0, |_| true).unwrap().unwrap();
    assert_eq!(last.value.unwrap(), b"d");
}

#[test]
fn what_comes_in_by_tls_is_what_others_read_in_plain() {
    let (Some(kafka), Some(plain)) = (guarded_kafka(), apache_kafka()) else {
        return;
    };
    let topic = topic(&connection_to(&kafka), 1);
    sink(&connection_to(&kafka))
        .commit(&records(&topic, 0, &["a"]))
        .unwrap();
    assert_eq!(partitions(&Connection::new(plain.clone()), &topic).unwrap(), [0]);
    assert_eq!(crate::servers::values(&Connection::new(plain), &topic, 0), ["a"]);
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_told() {
    let Some(kafka) = guarded_kafka() else { return };
    for (name, value) in [("sasl.password", "hunter2"), ("sasl.username", "nobody")] {
        fails_naming(
            &but_for(&kafka, name, Some(value)),
            &["SASL authentication error", "invalid credentials"],
        );
    }
}

#[test]
fn an_authority_that_is_not_trusted_is_told_with_the_property_that_names_it() {
    let Some(kafka) = guarded_kafka() else { return };
    let words = ["certificate verify failed", "ssl.ca.location"];
    fails_naming(&but_for(&kafka, "ssl.ca.location", None), &words);
    let mut other = but_for(&kafka, "ssl.ca.location", None);
    other
        .properties
        .push(("ssl.ca.pem".to_owned(), ANOTHER_AUTHORITY.to_owned()));
    fails_naming(&other, &words);
}

#[test]
fn an_authority_that_cannot_be_read_is_refused_before_anything_is_sent() {
    let Some(kafka) = guarded_kafka() else { return };
    let missing = but_for(&kafka, "ssl.ca.location", Some("/no/such/authority.pem"));
    match partitions(&missing, "any") {
        Err(TopicError::Connection(error)) => {
            assert!(error.to_string().contains("ssl.ca.location"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_of_another_name_is_refused() {
    let Some(kafka) = guarded_kafka() else { return };
    let mut elsewhere = connection_to(&kafka);
    // The certificate vouches for the address alone.
    elsewhere.bootstrap_servers = kafka.address.replace("127.0.0.1", "localhost");
    elsewhere
        .properties
        .push(("broker.address.family".to_owned(), "v4".to_owned()));
    fails_naming(&elsewhere, &["localhost", "certificate verify failed"]);
}

#[test]
fn a_client_that_speaks_plainly_to_tls_is_told_so_and_the_other_way_round() {
    let (Some(kafka), Some(plain)) = (guarded_kafka(), apache_kafka()) else {
        return;
    };
    fails_naming(
        &Connection::new(kafka.address.clone()),
        &[&kafka.address, "TLS listener", "security.protocol"],
    );
    let mut guarded = connection_to(&kafka);
    guarded.bootstrap_servers = plain;
    fails_naming(&guarded, &["SSL handshake failed", "PLAINTEXT broker listener?"]);
}
