//! Work that takes a core: off the threads that wait for others, a few at a time, and the queue before it is bounded.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::failure::{Code, Failure};

/// When one who found no place may try again.
const RETRY: Duration = Duration::from_secs(1);

/// Places for work. Cheap to clone; clones share the places.
#[derive(Clone)]
pub struct Workers {
    places: Arc<Semaphore>,
    patience: Duration,
    refusal: &'static str,
}

impl Workers {
    /// So many places; who gets none within the patience is refused with this sentence.
    #[must_use]
    pub fn new(places: usize, patience: Duration, refusal: &'static str) -> Workers {
        Workers {
            places: Arc::new(Semaphore::new(places)),
            patience,
            refusal,
        }
    }

    /// One place for each core of this machine.
    #[must_use]
    pub fn of_all_cores(patience: Duration, refusal: &'static str) -> Workers {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Workers::new(cores, patience, refusal)
    }

    /// Does a piece of work, whether or not anybody still waits for it.
    ///
    /// # Errors
    /// `overloaded` where too many others wait; a fault of ours where the work panics.
    pub async fn run<T>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure>
    where
        T: Send + 'static,
    {
        let place = tokio::time::timeout(self.patience, self.places.clone().acquire_owned()).await;
        let place = place
            .map_err(|_| Failure::new(Code::Overloaded, self.refusal).after(RETRY))?
            .map_err(Failure::internal)?;
        let work = tokio::task::spawn_blocking(move || {
            // Given back when the work is done, whether or not anybody still waits for it.
            let _place = place;
            work()
        });
        work.await.map_err(Failure::internal)
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Workers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_is_told_when_to_try_again() {
        let workers = Workers::new(0, Duration::ZERO, "busy");
        let failure = workers.run(|| ()).await.unwrap_err();
        assert_eq!(
            (failure.code, failure.detail.as_str()),
            (Code::Overloaded, "busy")
        );
        assert!(failure.retry_after.is_some());
    }

    #[tokio::test]
    async fn a_panic_is_a_fault_of_ours_and_its_place_is_free_again() {
        let workers = Workers::new(1, Duration::from_secs(60), "busy");
        let failure = workers.run(|| panic!("on purpose")).await.unwrap_err();
        assert_eq!(failure.code, Code::Internal);
        assert_eq!(workers.run(|| 7).await, Ok(7));
    }
}
