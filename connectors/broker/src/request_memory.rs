//! Memory for requests that are being received, all connections together.
//!
//! A connection takes memory as its bytes arrive, not as they are announced: announcing costs nothing. When all is
//! taken, one request at a time may go on without asking, so that a crowd of half-received requests cannot wait
//! for each other. Room for that one is left aside.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// What may be received at a time.
#[derive(Debug)]
pub(crate) struct RequestMemory {
    shared: Arc<Semaphore>,
    going_on: Arc<Semaphore>,
}

/// What a request has taken; given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    shared: Option<OwnedSemaphorePermit>,
    going_on: Option<OwnedSemaphorePermit>,
}

impl RequestMemory {
    /// So many bytes for all requests, of which the largest has `largest`.
    pub(crate) fn new(bytes: usize, largest: usize) -> Self {
        let shared = bytes.saturating_sub(largest).min(Semaphore::MAX_PERMITS);
        Self {
            shared: Arc::new(Semaphore::new(shared)),
            going_on: Arc::new(Semaphore::new(1)),
        }
    }

    /// Takes so many bytes more for a request; waits when all are taken and another request goes on.
    pub(crate) async fn take(&self, taken: &mut Taken, bytes: usize) {
        if taken.going_on.is_some() {
            return;
        }
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        match Arc::clone(&self.shared).try_acquire_many_owned(wanted) {
            Ok(more) => match &mut taken.shared {
                Some(permit) => permit.merge(more),
                none => *none = Some(more),
            },
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {
                taken.going_on = Arc::clone(&self.going_on).acquire_owned().await.ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn when_all_is_taken_one_request_goes_on_and_the_next_waits_for_it() {
        let memory = RequestMemory::new(300, 100);
        let [mut first, mut second, mut third] = [(); 3].map(|()| Taken::default());
        memory.take(&mut first, 150).await;
        memory.take(&mut second, 100).await;
        assert!(first.going_on.is_none() && second.going_on.is_some());
        memory.take(&mut second, 100).await;
        {
            let waiting = memory.take(&mut third, 100);
            tokio::pin!(waiting);
            assert!(tokio::time::timeout(Duration::ZERO, &mut waiting).await.is_err());
            drop(second);
            waiting.await;
        }
        assert!(third.going_on.is_some());
    }
}
