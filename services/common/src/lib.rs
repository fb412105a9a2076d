//! What the services of the shop share: failures, databases, callers, idempotency, the outbox, servers and clients.
//!
//! | module | what it is |
//! |---|---|
//! | [`failure`] | the one error of a call, and its two total maps: to gRPC and to HTTP |
//! | [`database`] | SQLite or PostgreSQL behind one handle; the URL alone decides |
//! | [`auth`] | who calls: tokens, their keys, sessions, and the guard before every port |
//! | [`idempotency`] | a request with a key is done once, and its answer kept |
//! | [`outbox`] | events written in the transaction that makes them true, and the relays that publish them |
//! | [`files`] | files in a folder, S3 or Google Cloud Storage; the URL alone decides |
//! | [`dynamo`] | tables of DynamoDB; with the feature `dynamodb` their client too |
//! | [`workers`] | work that takes a core, a few at a time |
//! | [`server`] | a gRPC and an HTTP port, started and stopped |
//! | [`rest`] | REST as the gateway and the services' own ports speak it |
//! | [`client`] | calls to other services: tokens, deadlines |
//! | [`context`] | what a request carries from hop to hop |
//! | [`trace`] | which work belongs together, whoever does it |
//! | [`boxed`] | futures whose code is compiled once, for calls between crates |
//! | [`moment`] | moments as messages |
//! | [`metrics`] | all metrics of all services |
//! | [`kafka`] | how a service reaches Kafka: its settings |
//! | [`options`] | settings that more than one service has |
//!
//! A service never imports another service: they meet in `weir-rpc`.

pub mod auth;
#[cfg(feature = "aws")]
pub use weir_aws as aws;
pub mod boxed;
pub mod client;
pub mod command_line;
pub mod context;
pub mod database;
pub mod duration;
pub mod dynamo;
pub mod failure;
pub mod files;
pub mod idempotency;
pub mod ids;
pub mod kafka;
pub mod metrics;
pub mod moment;
pub mod options;
pub mod outbox;
pub mod program;
pub mod rest;
pub mod secret;
pub mod server;
pub mod telemetry;
pub mod trace;
pub mod workers;
