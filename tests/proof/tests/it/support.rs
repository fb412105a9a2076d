//! What the scenarios share.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use proof::feed::{Feed, Layout, OrderText, Planned, Shape};
use proof::harness::Stage;
use test_support::broker_process::BrokerProcess;

/// How long anything may take that is expected of a live job.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// This crate's binary.
pub(crate) fn proof() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_proof"))
}

/// The development broker of all scenarios that do not kill it; it ends with this process.
pub(crate) fn broker() -> &'static str {
    static BROKER: OnceLock<BrokerProcess> = OnceLock::new();
    BROKER
        .get_or_init(|| BrokerProcess::start(proof()).unwrap())
        .address()
}

/// A scenario as two tests: on the development broker and on Apache Kafka.
macro_rules! on_both_brokers {
    ($(fn $name:ident($bootstrap:ident: &str) $body:block)*) => { $(
        mod $name {
            use super::*;

            fn scenario($bootstrap: &str) $body

            #[test]
            fn on_the_development_broker() {
                scenario(crate::support::broker());
            }

            #[test]
            fn on_apache_kafka() {
                if let Some(kafka) = test_support::servers::apache_kafka() {
                    scenario(&kafka);
                }
            }
        }
    )* };
}
pub(crate) use on_both_brokers;

/// A stage and the feed for it.
pub(crate) fn stage(bootstrap: &str, name: &str, shape: Shape) -> (Stage, Feed) {
    (
        Stage::new(proof(), bootstrap, name, &shape).unwrap(),
        Feed::new(shape),
    )
}

/// One order for one item, written as our own writer does, its record timestamped with its event time.
pub(crate) fn order(partition: i32, id: &str, user: &str, at_ms: i64) -> Planned {
    let order = OrderText::new(id, user, vec![("p-1".to_owned(), 1, 1_000)], at_ms);
    Planned {
        partition,
        timestamp: at_ms,
        key: Some(id.as_bytes().to_vec()),
        value: Some(Layout::Own.write(&order)),
    }
}
