//! The outbox of the order service, as its database tells.

use std::time::Duration;

use anyhow::{Result, bail};
use service_common::database::Database;
use service_common::outbox;
use sqlx::AssertSqlSafe;

/// How long the last events may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The database's clock, milliseconds since 1970.
pub(crate) async fn now_ms(database: &Database) -> Result<i64> {
    // An expression of ours.
    let statement = AssertSqlSafe(format!("SELECT {}", database.now()));
    Ok(sqlx::query_scalar(statement).fetch_one(database.pool()).await?)
}

/// Returns when no event waits.
pub(crate) async fn settled(database: &Database) -> Result<()> {
    let all = async {
        while outbox::depth(database).await?.0 > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, all).await {
        Ok(settled) => settled,
        Err(_) => bail!("events still wait after {} s", PATIENCE.as_secs()),
    }
}

/// For each event since then, how long after it was written it was marked as delivered, in milliseconds, by the database's
/// clock: from before its commit to behind the delivery report, so never less than what is asked for.
pub(crate) async fn waits_ms(database: &Database, since_ms: i64) -> Result<Vec<f64>> {
    let waits: Vec<i64> = sqlx::query_scalar(
        "SELECT published_at_ms - created_at_ms FROM outbox_events WHERE pending = 0 AND created_at_ms >= $1",
    )
    .bind(since_ms)
    .fetch_all(database.pool())
    .await?;
    Ok(waits.into_iter().map(|ms| ms as f64).collect())
}
