//! The tests of order-service that need a database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod documents;
mod instance;
mod migrating;
mod model;
mod others;
mod rest;
mod taking;
