//! The job as a process: against the development broker, and where it matters against Apache Kafka.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod bounded;
mod creating_topics;
mod flood;
#[cfg(feature = "msk-iam")]
mod iam;
mod job;
mod orders_topic;
mod outages;
mod progress;
mod rejects;
mod settings;
mod stage;
mod stopping;
mod storage;
mod takeover;
#[cfg(feature = "ssl")]
mod tls;
mod watching;
