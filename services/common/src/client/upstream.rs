//! Calls to a service: repeated where that is safe and likely to help, and not made at all while it is down.

use std::future::Future;
use std::time::{Duration, Instant};

use rand::Rng;
use tonic::{Response, Status};

use super::Link;
use super::breaker::Breaker;
use super::budget::Budget;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::rest::Repeat;

/// How often a call is made again.
const MOST_REPEATS: u32 = 2;
/// The longest pause before the first repetition; it doubles with the next.
const PAUSE: Duration = Duration::from_millis(50);

/// A service that this one calls.
pub struct Upstream {
    name: &'static str,
    link: Link,
    budget: Budget,
    breaker: Breaker,
}

impl Upstream {
    /// The service of this name, as metrics have it.
    #[must_use]
    pub fn new(name: &'static str, link: Link) -> Upstream {
        link.metrics.breaker(name, false);
        Upstream {
            name,
            link,
            budget: Budget::default(),
            breaker: Breaker::default(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The way there, without any of this.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// Makes a call, again where the service could not be reached and that is safe.
    ///
    /// # Errors
    /// What the service answered; `unavailable` or `timeout` where it did not.
    pub async fn call<M, T, F>(
        &self,
        repeat: Repeat,
        message: M,
        call: impl Fn(Link, M) -> F,
    ) -> Result<T, Failure>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.budget.earn();
        let mut repeats = 0;
        loop {
            self.breaker.admit(Instant::now())?;
            match call(self.link(), message.clone()).await {
                Ok(answer) => {
                    self.answered();
                    return Ok(answer.into_inner());
                }
                Err(status) => self.pause(repeat, repeats, status).await?,
            }
            repeats += 1;
        }
    }

    /// Returns when a call that failed may be made again. It stands beside [`Upstream::call`], which is compiled for every
    /// kind of message.
    ///
    /// # Errors
    /// It may not: the failure.
    async fn pause(&self, repeat: Repeat, repeats: u32, status: Status) -> Result<(), Failure> {
        // One that says itself that it can do nothing, as another is down, does answer: it may well do other things.
        let is_an_answer = Failure::is_told_by(&status);
        let failure = Failure::from(status);
        match failure.code {
            Code::Unavailable | Code::Timeout if !is_an_answer => self.failed(),
            _ => self.answered(),
        }
        let may_repeat = repeat == Repeat::Safe && failure.code == Code::Unavailable;
        if !may_repeat || repeats == MOST_REPEATS {
            return Err(failure);
        }
        let pause = rand::rng().random_range(PAUSE / 2..=PAUSE) * 2_u32.pow(repeats);
        let is_in_time = Context::current()
            .and_then(|context| context.remaining())
            .is_none_or(|left| left > pause);
        if !is_in_time || !self.budget.spend() {
            return Err(failure);
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn answered(&self) {
        if self.breaker.answered() {
            self.link.metrics.breaker(self.name, false);
        }
    }

    fn failed(&self) {
        if self.breaker.failed(Instant::now()) {
            self.link.metrics.breaker(self.name, true);
        }
    }
}
