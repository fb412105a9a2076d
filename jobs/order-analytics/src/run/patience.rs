//! A start waits for Kafka.

use std::time::Duration;

use super::Run;
use crate::error::JobError;

/// Pause between attempts to reach Kafka at the start.
pub(super) const RETRY: Duration = Duration::from_millis(500);

impl Run {
    /// Repeats what may be repeated while Kafka is away; `None` when the job is stopped meanwhile.
    pub(super) fn patiently<T>(
        &self,
        attempt: impl Fn() -> Result<T, JobError>,
    ) -> Result<Option<T>, JobError> {
        let mut reported = false;
        while !self.stopped() {
            match attempt() {
                Ok(value) => return Ok(Some(value)),
                Err(JobError::Unavailable(reason)) => {
                    if !reported {
                        tracing::warn!(reason, "waiting for Kafka");
                        reported = true;
                    }
                    std::thread::sleep(RETRY);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
