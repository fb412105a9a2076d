//! The servers that a test may speak to, by the environment.

use std::sync::LazyLock;

use crate::dev_broker::DevBroker;

/// The value of a variable that names a server, or `None` when the test is to be skipped, which it says.
///
/// # Panics
/// When the variable is not set and `WEIR_TEST_NO_SKIP` is `1`: then nothing may be skipped.
#[track_caller]
pub fn needed(variable: &str, what: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        let may_skip = std::env::var("WEIR_TEST_NO_SKIP").as_deref() != Ok("1");
        assert!(may_skip, "{variable} is not set, and nothing may be skipped");
        eprintln!("skipped: set {variable} to {what}");
    }
    value
}

/// `host:port` of an Apache Kafka, or `None` when the test is to be skipped.
///
/// # Panics
/// As [`needed`].
#[track_caller]
pub fn apache_kafka() -> Option<String> {
    needed("WEIR_TEST_KAFKA", "host:port of an Apache Kafka")
}

/// An Apache Kafka behind TLS that wants a password (SCRAM-SHA-512).
#[derive(Debug)]
pub struct GuardedKafka {
    /// `host:port`.
    pub address: String,
    /// The file with the certificate of the authority that vouches for it, in PEM.
    pub authority: String,
    /// Who may come in.
    pub user: String,
    /// And by which password.
    pub password: String,
}

impl GuardedKafka {
    /// What a client must be told beside the address, by librdkafka's names.
    pub fn properties(&self) -> Vec<(String, String)> {
        [
            ("security.protocol", "SASL_SSL"),
            ("ssl.ca.location", &self.authority),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", &self.user),
            ("sasl.password", &self.password),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

/// The guarded Apache Kafka, or `None` when the test is to be skipped.
///
/// # Panics
/// As [`needed`].
#[track_caller]
pub fn guarded_kafka() -> Option<GuardedKafka> {
    Some(GuardedKafka {
        address: needed(
            "WEIR_TEST_KAFKA_TLS",
            "host:port where an Apache Kafka speaks TLS",
        )?,
        authority: needed("WEIR_TEST_KAFKA_CA", "the file with its authority's certificate")?,
        user: needed("WEIR_TEST_KAFKA_USER", "a user of it, by SCRAM-SHA-512")?,
        password: needed("WEIR_TEST_KAFKA_PASSWORD", "the password of that user")?,
    })
}

/// Where the same Apache Kafka takes an AWS identity, as Amazon MSK does.
#[derive(Clone, Debug)]
pub struct IamKafka {
    /// `host:port`.
    pub address: String,
    /// The file with the certificate of the authority that vouches for it, in PEM.
    pub authority: String,
    /// The identity that may come in.
    pub access_key: String,
    /// And what it signs with.
    pub secret_key: String,
}

impl IamKafka {
    /// What a process of that identity has in its environment.
    pub fn environment(&self) -> [(&str, &str); 3] {
        [
            ("AWS_ACCESS_KEY_ID", &self.access_key),
            ("AWS_SECRET_ACCESS_KEY", &self.secret_key),
            ("AWS_REGION", "eu-west-1"),
        ]
    }
}

/// The Apache Kafka that takes an AWS identity, or `None` when the test is to be skipped.
///
/// # Panics
/// As [`needed`].
#[track_caller]
pub fn iam_kafka() -> Option<IamKafka> {
    Some(IamKafka {
        address: needed(
            "WEIR_TEST_KAFKA_IAM",
            "host:port where an Apache Kafka takes an AWS identity",
        )?,
        authority: needed("WEIR_TEST_KAFKA_CA", "the file with its authority's certificate")?,
        access_key: needed("WEIR_TEST_KAFKA_ACCESS_KEY", "the access key that may come in")?,
        secret_key: needed("WEIR_TEST_KAFKA_SECRET_KEY", "the secret of that key")?,
    })
}

/// `host:port` of the development broker that those tests of a process share which do it no harm.
pub fn shared_dev_broker() -> String {
    static SHARED: LazyLock<DevBroker> = LazyLock::new(DevBroker::start);
    SHARED.address().to_string()
}

/// Runs a test on the shared development broker, then on Apache Kafka unless that is to be skipped. The test is given
/// `host:port`.
#[track_caller]
pub fn on_each_broker(test: impl Fn(&str)) {
    eprintln!("on the development broker");
    test(&shared_dev_broker());
    if let Some(address) = apache_kafka() {
        eprintln!("on Apache Kafka");
        test(&address);
    }
}
