//! Sessions in the database.

use service_common::database::{Database, Row, Transaction, for_update};
use sqlx::{AssertSqlSafe, Row as _};

use super::Session;

macro_rules! columns {
    () => {
        "id, user_id, current_digest, previous_digest, rotated_at_ms, expires_at_ms"
    };
}

/// Stores a new session.
///
/// # Errors
/// The database failed.
pub async fn begin(transaction: &mut Transaction, session: &Session) -> sqlx::Result<()> {
    sqlx::query(concat!(
        "INSERT INTO sessions (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6)"
    ))
    .bind(&session.id)
    .bind(&session.user_id)
    .bind(&session.current)
    .bind(session.previous.as_deref())
    .bind(session.rotated_at_ms)
    .bind(session.expires_at_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A session, locked until the end of the transaction. One that was ended is not there.
///
/// # Errors
/// The database failed.
pub async fn lock(transaction: &mut Transaction, id: &str) -> sqlx::Result<Option<Session>> {
    let statement = for_update!(transaction, "SELECT ", columns!(), " FROM sessions WHERE id = $1");
    let row = sqlx::query(statement)
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Stores what may have changed of a session that was locked.
///
/// # Errors
/// The database failed.
pub async fn save(transaction: &mut Transaction, session: &Session) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE sessions SET current_digest = $2, previous_digest = $3, rotated_at_ms = $4, expires_at_ms = $5
         WHERE id = $1",
    )
    .bind(&session.id)
    .bind(&session.current)
    .bind(session.previous.as_deref())
    .bind(session.rotated_at_ms)
    .bind(session.expires_at_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Ends a session. One that has ended stays so.
///
/// # Errors
/// The database failed.
pub async fn delete(transaction: &mut Transaction, id: &str) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM sessions WHERE id = $1")
        .bind(id)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Ends all sessions of a user; gives their ids.
///
/// # Errors
/// The database failed.
pub async fn end_all_of(transaction: &mut Transaction, user_id: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("DELETE FROM sessions WHERE user_id = $1 RETURNING id")
        .bind(user_id)
        .fetch_all(&mut **transaction)
        .await
}

/// Whether a session has neither been ended nor run out.
///
/// # Errors
/// The database failed.
pub async fn stands(database: &Database, id: &str) -> sqlx::Result<bool> {
    let statement = AssertSqlSafe(format!(
        "SELECT COUNT(*) FROM sessions WHERE id = $1 AND expires_at_ms > {}",
        database.now()
    ));
    let found: i64 = sqlx::query_scalar(statement)
        .bind(id)
        .fetch_one(database.pool())
        .await?;
    Ok(found > 0)
}

/// Forgets the sessions that have run out; gives how many.
///
/// # Errors
/// The database failed.
pub async fn sweep(database: &Database) -> sqlx::Result<u64> {
    let mut transaction = database.begin().await?;
    let now_ms = transaction.now_ms().await?;
    let swept = sqlx::query("DELETE FROM sessions WHERE expires_at_ms <= $1")
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(swept.rows_affected())
}

fn read(row: &Row) -> sqlx::Result<Session> {
    Ok(Session {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        current: row.try_get("current_digest")?,
        previous: row.try_get("previous_digest")?,
        rotated_at_ms: row.try_get("rotated_at_ms")?,
        expires_at_ms: row.try_get("expires_at_ms")?,
    })
}
