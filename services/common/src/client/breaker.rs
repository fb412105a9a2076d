//! A circuit breaker: a service that did not answer many times in a row is left alone for a moment.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::{Code, Failure};

/// How many failures in a row open it.
const MOST_FAILURES: u32 = 20;
/// How long it stays open before one call may try.
const OPEN: Duration = Duration::from_secs(1);

/// Opened by failures in a row, closed by one answer.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// While it is open: when the next call may try.
    next_try: Option<Instant>,
}

impl Breaker {
    /// A call may be made now. While it is open that is one call a moment: if that is given up by its client, the next
    /// one tries.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Failure> {
        let mut state = self.state();
        match state.next_try {
            Some(at) if now < at => {
                Err(Failure::new(Code::Unavailable, "a service does not answer").after(at - now))
            }
            Some(_) => {
                state.next_try = Some(now + OPEN);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The service answered, whatever it said. Gives whether that closes it.
    pub(super) fn answered(&self) -> bool {
        std::mem::take(&mut *self.state()).next_try.is_some()
    }

    /// It did not. Gives whether that opens it.
    pub(super) fn failed(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.failures >= MOST_FAILURES && state.next_try.replace(now + OPEN).is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::default();
        let opens = |_| {
            assert!(breaker.admit(now).is_ok());
            breaker.failed(now)
        };
        let opens: Vec<bool> = (0..MOST_FAILURES).map(opens).collect();
        assert_eq!(opens.iter().position(|opens| *opens), Some(opens.len() - 1));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_say_when_to_come_again() {
        let now = Instant::now();
        let failure = opened(now).admit(now).unwrap_err();
        assert_eq!(
            (failure.code, failure.retry_after),
            (Code::Unavailable, Some(OPEN))
        );
    }

    #[test]
    fn failures_between_answers_do_not() {
        let now = Instant::now();
        let breaker = Breaker::default();
        for _ in 0..MOST_FAILURES * 3 {
            breaker.failed(now);
            breaker.failed(now);
            breaker.answered();
            assert!(breaker.admit(now).is_ok());
        }
    }

    #[test]
    fn one_call_a_moment_tries_and_an_answer_closes_it() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN;
        assert!(breaker.admit(later).is_ok());
        assert!(breaker.admit(later).is_err(), "two at once");
        assert!(!breaker.failed(later), "it is open already");
        assert!(breaker.admit(later).is_err(), "after another failure");
        assert!(breaker.admit(later + OPEN).is_ok());
        assert!(breaker.answered());
        assert!(!breaker.answered(), "it is closed already");
        assert!(breaker.admit(later + OPEN).is_ok());
        assert!(breaker.admit(later + OPEN).is_ok());
    }
}
