//! Starts, freezes, kills and restarts the job and its broker as processes of their own.
//!
//! Every process is the binary `proof` itself under another name ([`JOB`], the development broker's), so one link gives
//! them all. A child ends when the pipe to its standard input closes: whatever becomes of the parent, none is left behind.

mod job;
mod stage;

pub use job::{FailPoint, Job};
pub use stage::Stage;

/// Under this name the binary `proof` is the job.
pub const JOB: &str = "order-analytics";
