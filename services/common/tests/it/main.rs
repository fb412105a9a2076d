//! The tests of service-common that need a database or a broker.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod database;
mod files;
mod idempotency;
mod outbox;
mod renewal;
mod transact;
