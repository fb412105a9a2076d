//! The tasks of a service, and its end.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::boxed::Boxed;

/// Starts tasks and ends them together.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Tells a task that the end was asked for.
pub type Stopping = CancellationToken;

impl Lifecycle {
    /// Nothing runs yet.
    #[must_use]
    pub fn new() -> Lifecycle {
        Lifecycle::default()
    }

    /// For tasks and requests: cancelled when the end is asked for.
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        self.stop.clone()
    }

    /// Starts a task, which ends by itself once [`stopping`](Lifecycle::stopping) is cancelled.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // One kind of task for the runtime, so that its code is there once.
        let task: Boxed<'static, ()> = Box::pin(task);
        self.tasks.spawn(task);
    }

    /// Asks all tasks to end and waits for them, at most this long. Whether all did.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }
}
