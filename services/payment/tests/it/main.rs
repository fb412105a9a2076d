//! The tests of payment-service that need a database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accept;
mod api;
mod drive;
mod instance;
mod line;
mod others;
mod process;
mod provider;
mod refund;
mod rest;
mod schedule;
mod service;
mod simulated;
mod stripe;
mod wire;
