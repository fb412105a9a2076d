//! Forgets what has run out. Nobody depends on it: what has run out is refused whether it is still there or not.

use std::time::Duration;

use service_common::database::Database;
use service_common::failure::Failure;
use service_common::idempotency;
use service_common::server::Stopping;

use crate::places::Kept;

/// How often.
const PERIOD: Duration = Duration::from_secs(60);

/// Tidies up until told to stop.
pub(crate) async fn tidy(database: Database, kept: Kept, stopping: Stopping) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if let Err(error) = once(&database, &kept).await {
            tracing::warn!(%error, "could not tidy up; trying again in a minute");
        }
    }
}

async fn once(database: &Database, kept: &Kept) -> Result<(), Failure> {
    kept.sessions.sweep().await?;
    kept.carts.sweep().await?;
    idempotency::sweep(database).await?;
    Ok(())
}
