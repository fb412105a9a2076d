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
