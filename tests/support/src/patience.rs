//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// How long [`eventually`] tries: far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tries until the answer comes.
///
/// # Panics
/// After a minute, with what was seen last.
#[track_caller]
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(seen) if Instant::now() >= deadline => panic!("{what}: {seen}"),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

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
        std::thread::sleep(PAUSE);
    }
}
