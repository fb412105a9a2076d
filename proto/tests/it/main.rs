//! What the contracts promise, by way of the crate's public face.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

mod agreement;
mod faults;
mod golden;
mod hostile;
mod money;
mod results;
mod samples;
mod timestamp;
