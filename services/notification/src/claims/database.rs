//! Claims in the service's own database.

use service_common::database::{Database, Step};
use sqlx::{AssertSqlSafe, Row as _};

use super::{Claim, Claims, Terms, after};
use crate::trouble::{Trouble, Work};

/// The schema of this service.
pub const STEPS: &[Step] = &[Step {
    version: 1,
    description: "claims",
    sql: include_str!("../../migrations/0001_claims.sql"),
}];

/// The schema's name in PostgreSQL.
pub const OWNER: &str = "notification_service";

/// Claims in a database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DatabaseClaims {
    database: Database,
    terms: Terms,
}

impl DatabaseClaims {
    /// In this database, which has the schema [`STEPS`].
    #[must_use]
    pub fn new(database: Database, terms: Terms) -> DatabaseClaims {
        DatabaseClaims { database, terms }
    }

    async fn try_claim(&self, event_id: &str, recipient: &str) -> sqlx::Result<Claim> {
        let mut transaction = self.database.begin().await?;
        let now_ms = transaction.now_ms().await?;
        // What was kept long enough is refused though it may still be there.
        let inserted = sqlx::query(
            "INSERT INTO claims (event_id, recipient, lease_until_ms, expires_at_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (event_id, recipient) DO UPDATE
             SET lease_until_ms = excluded.lease_until_ms, sent_at_ms = NULL, expires_at_ms = excluded.expires_at_ms
             WHERE claims.expires_at_ms <= $5",
        )
        .bind(event_id)
        .bind(recipient)
        .bind(after(now_ms, self.terms.lease))
        .bind(after(now_ms, self.terms.kept_for))
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 1 {
            transaction.commit().await?;
            return Ok(Claim::Ours { may_repeat: false });
        }
        let taken_over = sqlx::query(
            "UPDATE claims SET lease_until_ms = $3, expires_at_ms = $4
             WHERE event_id = $1 AND recipient = $2 AND sent_at_ms IS NULL AND lease_until_ms <= $5",
        )
        .bind(event_id)
        .bind(recipient)
        .bind(after(now_ms, self.terms.lease))
        .bind(after(now_ms, self.terms.kept_for))
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
        if taken_over.rows_affected() == 1 {
            transaction.commit().await?;
            return Ok(Claim::Ours { may_repeat: true });
        }
        let row = sqlx::query("SELECT sent_at_ms FROM claims WHERE event_id = $1 AND recipient = $2")
            .bind(event_id)
            .bind(recipient)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.rollback().await?;
        let sent_at_ms: Option<i64> = row.try_get("sent_at_ms")?;
        Ok(match sent_at_ms {
            Some(_) => Claim::Sent,
            None => Claim::Taken,
        })
    }

    /// Executes a statement with these two values in a transaction of its own; gives how many rows it changed.
    async fn execute(&self, statement: String, event_id: &str, recipient: &str) -> sqlx::Result<u64> {
        let mut transaction = self.database.begin().await?;
        let done = sqlx::query(AssertSqlSafe(statement))
            .bind(event_id)
            .bind(recipient)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(done.rows_affected())
    }

    async fn try_advance(&self, subject: &str, version: i64) -> sqlx::Result<bool> {
        let mut transaction = self.database.begin().await?;
        let now_ms = transaction.now_ms().await?;
        let advanced = sqlx::query(
            "INSERT INTO newest (subject, version, expires_at_ms) VALUES ($1, $2, $3)
             ON CONFLICT (subject) DO UPDATE SET version = excluded.version, expires_at_ms = excluded.expires_at_ms
             WHERE newest.version <= excluded.version OR newest.expires_at_ms <= $4",
        )
        .bind(subject)
        .bind(version)
        .bind(after(now_ms, self.terms.kept_for))
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(advanced.rows_affected() == 1)
    }

    async fn try_sweep(&self) -> sqlx::Result<u64> {
        let is_over = "expires_at_ms <= $1";
        let claims = self
            .database
            .sweep("claims", "event_id, recipient", is_over)
            .await?;
        let newest = self.database.sweep("newest", "subject", is_over).await?;
        Ok(claims + newest)
    }
}

fn trouble(error: sqlx::Error) -> Trouble {
    Trouble::new("claims", error)
}

impl Claims for DatabaseClaims {
    fn claim<'a>(&'a self, event_id: &'a str, recipient: &'a str) -> Work<'a, Claim> {
        Box::pin(async move { self.try_claim(event_id, recipient).await.map_err(trouble) })
    }

    fn mark<'a>(&'a self, event_id: &'a str, recipient: &'a str) -> Work<'a, ()> {
        let statement = format!(
            "UPDATE claims SET sent_at_ms = {} WHERE event_id = $1 AND recipient = $2 AND sent_at_ms IS NULL",
            self.database.now()
        );
        Box::pin(async move {
            self.execute(statement, event_id, recipient)
                .await
                .map_err(trouble)?;
            Ok(())
        })
    }

    fn release<'a>(&'a self, event_id: &'a str, recipient: &'a str, certainly_not: bool) -> Work<'a, ()> {
        let statement = match certainly_not {
            true => "DELETE FROM claims WHERE event_id = $1 AND recipient = $2 AND sent_at_ms IS NULL",
            false => {
                "UPDATE claims SET lease_until_ms = 0 WHERE event_id = $1 AND recipient = $2 AND sent_at_ms IS NULL"
            }
        };
        Box::pin(async move {
            self.execute(statement.to_owned(), event_id, recipient)
                .await
                .map_err(trouble)?;
            Ok(())
        })
    }

    fn advance<'a>(&'a self, subject: &'a str, version: i64) -> Work<'a, bool> {
        Box::pin(async move { self.try_advance(subject, version).await.map_err(trouble) })
    }

    fn ping(&self) -> Work<'_, ()> {
        Box::pin(async move { self.database.ping().await.map_err(trouble) })
    }

    fn sweep(&self) -> Work<'_, u64> {
        Box::pin(async move { self.try_sweep().await.map_err(trouble) })
    }
}
