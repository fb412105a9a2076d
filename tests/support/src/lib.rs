//! What the tests of several crates share: servers to test against, children to kill, and patience.
//!
//! | module | what it is |
//! |---|---|
//! | [`servers`] | the servers a test asks the environment for, and the test on each of them |
//! | [`databases`] | a database for each test, on SQLite and on PostgreSQL |
//! | [`buckets`] | a bucket for each test, on S3 and on Google Cloud Storage |
//! | [`dev_broker`] | a development broker inside the test's own process |
//! | [`broker_process`] | a development broker as a child, which can be killed |
//! | [`kafka_process`] | an Apache Kafka as a child, which can be killed |
//! | [`http`] | HTTP by hand |
//! | [`users`] | a user service that knows its keys, for services that check tokens |
//! | [`postgres_process`] | a PostgreSQL as a child, which can be killed |
//! | [`child`] | a child process, with its log, that ends with its parent |
//! | [`address`] | addresses that stay free |
//! | [`patience`] | waiting for a condition, with a deadline that says what was seen |

pub mod address;
pub mod broker_process;
pub mod buckets;
pub mod child;
pub mod databases;
pub mod dev_broker;
pub mod http;
mod java;
pub mod kafka_process;
pub mod mirror_process;
pub mod patience;
pub mod postgres_process;
pub mod servers;
pub mod users;
