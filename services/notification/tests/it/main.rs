//! The notification service, from its claims to its ports.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod claims;
mod desk;
#[cfg(feature = "lambda")]
mod lambda;
mod service;
#[cfg(feature = "sns")]
mod sns;
mod users;
mod world;
