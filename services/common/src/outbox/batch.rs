//! What a relay publishes at a time.

use std::collections::{BTreeMap, HashSet};

use sqlx::{AssertSqlSafe, Row as _};

use crate::boxed::Boxed;
use crate::database::{Database, Row, Statement, in_list};

/// The most rows that are looked at for a batch.
const LOOKED_AT: i64 = 1_000;
/// The most rows that are marked by one statement.
const MARKED_AT_ONCE: usize = 200;

/// An event that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) key: String,
    pub(super) payload: String,
    pub(super) headers: BTreeMap<String, String>,
}

/// The oldest events of these shards, at most one of each key.
pub(super) async fn waiting(database: &Database, shards: &[i64]) -> sqlx::Result<Vec<Waiting>> {
    if shards.is_empty() {
        return Ok(Vec::new());
    }
    let list = shards.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    // Numbers of ours, nothing that came from outside.
    let statement = AssertSqlSafe(format!(
        "SELECT id, topic, record_key, payload, headers FROM outbox_events
         WHERE pending = 1 AND shard IN ({list}) ORDER BY created_at_ms, version LIMIT {LOOKED_AT}"
    ));
    let rows = sqlx::query(statement).fetch_all(database.pool()).await?;
    let mut keys = HashSet::new();
    let mut batch = Vec::with_capacity(rows.len());
    for row in rows {
        let waiting = read(&row)?;
        if keys.insert(waiting.key.clone()) {
            batch.push(waiting);
        }
    }
    Ok(batch)
}

fn read(row: &Row) -> sqlx::Result<Waiting> {
    let headers: String = row.try_get("headers")?;
    Ok(Waiting {
        id: row.try_get("id")?,
        topic: row.try_get("topic")?,
        key: row.try_get("record_key")?,
        payload: row.try_get("payload")?,
        headers: serde_json::from_str(&headers).map_err(|error| sqlx::Error::Decode(error.into()))?,
    })
}

/// These were delivered.
pub(super) async fn mark(database: &Database, ids: &[String]) -> sqlx::Result<()> {
    let statements = ids.chunks(MARKED_AT_ONCE).map(|part| {
        let (places, listed) = in_list(part, MARKED_AT_ONCE);
        let statement = Statement::assembled(format!(
            "UPDATE outbox_events SET pending = 0, published_at_ms = {} WHERE id IN ({places})",
            database.now()
        ));
        listed.fold(statement, |statement, id| statement.bind(id))
    });
    database.write(statements.collect()).await?;
    Ok(())
}

/// How many events wait, and for how many milliseconds the oldest does.
///
/// # Errors
/// The database failed.
pub fn depth(database: &Database) -> Boxed<'_, sqlx::Result<(i64, i64)>> {
    Box::pin(async move {
        let statement = AssertSqlSafe(format!(
            "SELECT COUNT(*), {} - MIN(created_at_ms) FROM outbox_events WHERE pending = 1",
            database.now()
        ));
        let row = sqlx::query(statement).fetch_one(database.pool()).await?;
        Ok((
            row.try_get(0)?,
            row.try_get::<Option<i64>, _>(1)?.unwrap_or(0).max(0),
        ))
    })
}

/// Deletes what was published long ago; gives how many.
pub(super) async fn sweep(database: &Database, kept_ms: i64) -> sqlx::Result<u64> {
    let is_over = format!("pending = 0 AND published_at_ms < $1 - {kept_ms}");
    database.sweep("outbox_events", "id", &is_over).await
}
