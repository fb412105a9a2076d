//! Sessions in the service's database.

use service_common::database::{Database, Row, Transaction, in_list};
use service_common::failure::Failure;
use sqlx::{AssertSqlSafe, Row as _};

use super::Session;
use super::store::{Answer, EndedSessions, SessionStore};

/// The most sessions that one statement asks for.
const ASKED_AT_ONCE: usize = 256;

/// Keeps sessions in a database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DatabaseSessions(pub Database);

impl DatabaseSessions {
    async fn try_get(&self, id: &str) -> sqlx::Result<Option<(Session, i64)>> {
        let statement = AssertSqlSafe(format!(
            "SELECT id, user_id, current_digest, previous_digest, rotated_at_ms, expires_at_ms, {now} AS now_ms
             FROM sessions WHERE id = $1 AND expires_at_ms > {now}",
            now = self.0.now()
        ));
        let row = sqlx::query(statement)
            .bind(id)
            .fetch_optional(self.0.pool())
            .await?;
        row.as_ref().map(read).transpose()
    }

    async fn try_standing(&self, ids: &[&str]) -> sqlx::Result<Vec<String>> {
        let mut standing = Vec::with_capacity(ids.len());
        for part in ids.chunks(ASKED_AT_ONCE) {
            let (places, listed) = in_list(part, ASKED_AT_ONCE);
            let statement = AssertSqlSafe(format!(
                "SELECT id FROM sessions WHERE id IN ({places}) AND expires_at_ms > {}",
                self.0.now()
            ));
            let mut query = sqlx::query_scalar(statement);
            for id in listed {
                query = query.bind(*id);
            }
            standing.extend(query.fetch_all(self.0.pool()).await?);
        }
        Ok(standing)
    }

    async fn try_rotate(&self, was_current: &str, session: &Session) -> sqlx::Result<bool> {
        let mut transaction = self.0.begin().await?;
        let rotated = sqlx::query(
            "UPDATE sessions SET current_digest = $2, previous_digest = $3, rotated_at_ms = $4, expires_at_ms = $5
             WHERE id = $1 AND current_digest = $6",
        )
        .bind(&session.id)
        .bind(&session.current)
        .bind(session.previous.as_deref())
        .bind(session.rotated_at_ms)
        .bind(session.expires_at_ms)
        .bind(was_current)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(rotated.rows_affected() == 1)
    }

    async fn try_end(&self, id: &str) -> sqlx::Result<()> {
        let mut transaction = self.0.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    async fn try_sweep(&self) -> sqlx::Result<u64> {
        self.0.sweep("sessions", "id", "expires_at_ms <= $1").await
    }
}

impl SessionStore for DatabaseSessions {
    fn begin<'a>(&'a self, account: &'a mut Transaction, session: &'a Session) -> Answer<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO sessions (id, user_id, current_digest, previous_digest, rotated_at_ms, expires_at_ms)
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(&session.id)
            .bind(&session.user_id)
            .bind(&session.current)
            .bind(session.previous.as_deref())
            .bind(session.rotated_at_ms)
            .bind(session.expires_at_ms)
            .execute(&mut **account)
            .await?;
            Ok(())
        })
    }

    fn get<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(Session, i64)>> {
        Box::pin(async move { Ok(self.try_get(id).await?) })
    }

    fn rotate<'a>(&'a self, was_current: &'a str, session: &'a Session) -> Answer<'a, bool> {
        Box::pin(async move { Ok(self.try_rotate(was_current, session).await?) })
    }

    fn end<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { Ok(self.try_end(id).await?) })
    }

    fn end_all_of<'a>(&'a self, account: &'a mut Transaction, user_id: &'a str) -> Answer<'a, EndedSessions> {
        Box::pin(async move {
            let ended = sqlx::query_scalar("DELETE FROM sessions WHERE user_id = $1 RETURNING id")
                .bind(user_id)
                .fetch_all(&mut **account)
                .await?;
            Ok::<_, Failure>(EndedSessions::These(ended))
        })
    }

    fn standing<'a>(&'a self, ids: &'a [&'a str]) -> Answer<'a, Vec<String>> {
        Box::pin(async move { Ok(self.try_standing(ids).await?) })
    }

    fn sweep(&self) -> Answer<'_, u64> {
        Box::pin(async move { Ok(self.try_sweep().await?) })
    }
}

fn read(row: &Row) -> sqlx::Result<(Session, i64)> {
    let session = Session {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        current: row.try_get("current_digest")?,
        previous: row.try_get("previous_digest")?,
        rotated_at_ms: row.try_get("rotated_at_ms")?,
        expires_at_ms: row.try_get("expires_at_ms")?,
    };
    Ok((session, row.try_get("now_ms")?))
}
