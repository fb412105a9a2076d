//! How long a question may wait for its answer.

use std::time::{Duration, Instant};

/// For all attempts together.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// For one request.
pub(crate) const REQUEST: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(100);

/// What one attempt came to.
pub(crate) enum Attempt<T> {
    Answer(T),
    /// No answer yet, and why.
    Again(String),
}

/// Asks until there is an answer, or gives up with the last reason.
pub(crate) fn until_answered<T, E>(
    mut ask: impl FnMut() -> Result<Attempt<T>, E>,
    give_up: impl FnOnce(String) -> E,
) -> Result<T, E> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask()? {
            Attempt::Answer(answer) => return Ok(answer),
            Attempt::Again(reason) if Instant::now() >= deadline => return Err(give_up(reason)),
            Attempt::Again(_) => std::thread::sleep(RETRY),
        }
    }
}
