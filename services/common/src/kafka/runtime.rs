//! What librdkafka's asynchronous clients wait by.

use std::future::Future;
use std::time::Duration;

use rdkafka::util::AsyncRuntime;

/// This process's tokio. The one that the crate brings is a feature of it, with which every other service would be built
/// anew.
pub struct Tokio;

impl AsyncRuntime for Tokio {
    type Delay = tokio::time::Sleep;

    fn spawn<T>(task: T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(task);
    }

    fn delay_for(duration: Duration) -> Self::Delay {
        tokio::time::sleep(duration)
    }
}
