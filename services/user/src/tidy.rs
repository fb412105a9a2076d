//! Forgets what has run out. Nobody depends on it: what has run out is refused whether it is still there or not.

use std::time::Duration;

use service_common::database::Database;
use service_common::idempotency;
use service_common::server::Stopping;

use crate::carts::Carts;
use crate::sessions;

/// How often.
const PERIOD: Duration = Duration::from_secs(60);

/// Tidies up until told to stop.
pub(crate) async fn tidy(database: Database, carts: Carts, stopping: Stopping) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if let Err(error) = once(&database, &carts).await {
            tracing::warn!(%error, "could not tidy up; trying again in a minute");
        }
    }
}

async fn once(database: &Database, carts: &Carts) -> sqlx::Result<()> {
    sessions::sweep(database).await?;
    carts.sweep().await?;
    idempotency::sweep(database).await?;
    Ok(())
}
