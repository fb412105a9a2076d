//! Every test runs against each server there is: the embedded development broker, and Apache Kafka when
//! `WEIR_TEST_KAFKA=host:port` names one.
#![allow(clippy::unwrap_used, reason = "a test that fails is a panic")]

mod faults;
mod follow;
mod probe;
mod proxy;
mod rejects;
mod servers;
mod sink;
mod source;
mod tail;
#[cfg(feature = "ssl")]
mod tls;
mod topics;
