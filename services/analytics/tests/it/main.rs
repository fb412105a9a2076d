//! The tests of analytics-service that need a broker, the network, or many cases.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audience;
mod outages;
mod results;
mod served;
mod shown;
mod streams;
mod sums;
mod topic;
