//! The sweeper: goes on with every payment whose time has come and that nobody drives.

use std::time::Duration;

use service_common::context::spawn_own;
use service_common::failure::Failure;
use service_common::idempotency;
use service_common::server::Stopping;

use crate::payments::Payments;
use crate::store;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);
/// How many payments it drives together. The rest waits for the next look.
const BATCH: i64 = 64;
/// How often answers that were kept long enough are deleted.
const HOUSEKEEPING: Duration = Duration::from_secs(300);

impl Payments {
    /// Looks at payments until told to stop.
    pub async fn attend(self, stopping: Stopping) {
        let mut kept_house = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(failure) = self.attend_overdue().await {
                tracing::warn!(%failure, "the payments that need attention cannot be read; they wait");
            }
            if kept_house.elapsed() >= HOUSEKEEPING {
                kept_house = tokio::time::Instant::now();
                if let Err(error) = idempotency::sweep(&self.shared.database).await {
                    tracing::warn!(%error, "old idempotency keys cannot be deleted; later again");
                }
                if let Err(failure) = self.forget_events().await {
                    tracing::warn!(%failure, "old events of the provider cannot be deleted; later again");
                }
            }
        }
    }

    /// Drives the payments whose time has come, the longest overdue first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn attend_overdue(&self) -> Result<(), Failure> {
        let overdue = store::overdue(&self.shared.database, BATCH).await?;
        let drive = |id: String| {
            let payments = self.clone();
            spawn_own(self.shared.rules.work, async move { payments.drive(&id).await })
        };
        let drivers: Vec<_> = overdue.into_iter().map(drive).collect();
        for driver in drivers {
            // One that panicked has said so; its payment comes again after the lease.
            let _ = driver.await;
        }
        Ok(())
    }
}
