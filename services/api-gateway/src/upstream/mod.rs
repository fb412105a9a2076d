//! Calls to a service: repeated where that is safe and likely to help, and not made at all while it is down.

mod breaker;
mod budget;

use std::future::Future;
use std::time::{Duration, Instant};

use rand::Rng;
use service_common::client::Link;
use service_common::context::Context;
use service_common::failure::{Code, Failure};
use tonic::{Response, Status};

use breaker::Breaker;
use budget::Budget;
use service_common::rest::Repeat;

/// How often a call is made again.
const MOST_REPEATS: u32 = 2;
/// The longest pause before the first repetition; it doubles with the next.
const PAUSE: Duration = Duration::from_millis(50);

/// A service that the gateway calls.
pub(crate) struct Upstream {
    name: &'static str,
    link: Link,
    budget: Budget,
    breaker: Breaker,
}

impl Upstream {
    pub(crate) fn new(name: &'static str, link: Link) -> Upstream {
        Upstream {
            name,
            link,
            budget: Budget::default(),
            breaker: Breaker::default(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Calls are not made at the moment, as none was answered.
    pub(crate) fn is_held_back(&self) -> bool {
        self.breaker.is_open()
    }

    /// The way there, without any of this.
    pub(crate) fn link(&self) -> Link {
        self.link.clone()
    }

    /// Makes a call, again where the service could not be reached and that is safe.
    ///
    /// # Errors
    /// What the service answered; `unavailable` or `timeout` where it did not.
    pub(crate) async fn call<M, T, F>(
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
                    self.breaker.answered();
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
        let failure = Failure::from(status);
        match failure.code {
            Code::Unavailable | Code::Timeout => self.breaker.failed(Instant::now()),
            _ => self.breaker.answered(),
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
}
