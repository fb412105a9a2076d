//! The tests of the user service that need a database, a broker or its binary.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod carts;
mod errands;
mod logging_in;
mod places;
mod provisioning;
mod refreshing;
mod registering;
mod secrets;
mod service;
mod world;
