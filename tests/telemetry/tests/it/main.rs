//! The shop seen from outside.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod collector;
mod iam;
mod metrics;
mod secrets;
mod traces;
mod world;
