//! Starts, freezes, kills and restarts the job and its broker as processes of their own.
//!
//! Every process is the binary `proof` itself under another name ([`JOB`], [`BROKER`]), so one link gives them all. A
//! child ends when the pipe to its standard input closes: whatever becomes of the parent, none is left behind.

mod broker;
mod job;
mod process;
mod stage;

pub use broker::Broker;
pub use job::{FailPoint, Job};
pub use process::Process;
pub use stage::Stage;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Under this name the binary `proof` is the job.
pub const JOB: &str = "order-analytics";
/// Under this name the binary `proof` is the development broker.
pub const BROKER: &str = "dev-broker";

/// Asks again and again until there is an answer.
///
/// # Errors
/// When there is none in time, or asking fails.
pub fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            bail!("{what}: not within {} s", patience.as_secs());
        }
        std::thread::sleep(Duration::from_millis(25));
    }
}
