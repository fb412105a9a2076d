//! A transaction that writes.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use sqlx::{Any, AnyConnection, Executor};
use tracing::Span;

use super::statement::{self, BEGIN, COMMIT, Statement};
use super::writer::Writing;
use super::{Database, Kind, Row, now};
use crate::boxed::Boxed;

/// PostgreSQL: "terminated by an administrator", which a connection says at its next use when its server was shut down.
const SHUT_DOWN: &str = "57P01";

/// Dropped without [`commit`](Transaction::commit), it is rolled back. Statements are executed on `&mut *transaction`.
#[derive(Debug)]
pub struct Transaction {
    inner: Inner,
    kind: Kind,
    /// Of traces: from asking for a connection to the end.
    _span: Span,
}

#[derive(Debug)]
enum Inner {
    /// Of SQLite's one connection that writes.
    Writing(Writing),
    /// Of a connection of the pool.
    Pooled(sqlx::Transaction<'static, Any>),
}

impl Transaction {
    pub(super) async fn begin(database: &Database) -> sqlx::Result<Transaction> {
        let mut transaction = Transaction::take_turn(database).await?;
        if let Inner::Writing(writing) = &mut transaction.inner {
            writing.execute(BEGIN).await?;
        }
        Ok(transaction)
    }

    /// Begins with these statements; gives their rows.
    pub(super) async fn begin_with(
        database: &Database,
        statements: Vec<Statement>,
    ) -> sqlx::Result<(Transaction, Vec<Row>)> {
        let mut transaction = Transaction::take_turn(database).await?;
        let rows = statement::together(&mut transaction, BEGIN, statements, "").await?;
        Ok((transaction, rows))
    }

    /// Begins with these statements and ends with them; gives their rows.
    pub(super) async fn write(database: &Database, statements: Vec<Statement>) -> sqlx::Result<Vec<Row>> {
        Transaction::take_turn(database)
            .await?
            .end_with(BEGIN, statements)
            .await
    }

    /// On PostgreSQL it has begun, on SQLite it is to begin.
    async fn take_turn(database: &Database) -> sqlx::Result<Transaction> {
        let span = database.span();
        let asked = Instant::now();
        let inner = match &database.writer {
            Some(writer) => Inner::Writing(writer.turn().await?),
            None => Inner::Pooled(begin_on_a_live_connection(database).await?),
        };
        database.waited(asked);
        Ok(Transaction {
            inner,
            kind: database.kind,
            _span: span,
        })
    }

    /// Which database it is in.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The database's clock; see [`Database::now`].
    ///
    /// # Errors
    /// The database is away.
    pub fn now_ms(&mut self) -> Boxed<'_, sqlx::Result<i64>> {
        Box::pin(async move {
            sqlx::query_scalar(now::statement(self.kind))
                .fetch_one(&mut **self)
                .await
        })
    }

    /// Makes everything in it true at once.
    ///
    /// # Errors
    /// Whether it was done is not known then: ask again.
    pub fn commit(self) -> Boxed<'static, sqlx::Result<()>> {
        Box::pin(async move {
            match self.inner {
                Inner::Writing(mut writing) => {
                    writing.execute(COMMIT).await?;
                    writing.ended();
                    Ok(())
                }
                Inner::Pooled(transaction) => transaction.commit().await,
            }
        })
    }

    /// Makes everything in it true at once, these statements too; gives their rows. With SQLite they are sent together.
    ///
    /// # Errors
    /// Whether it was done is not known then: ask again.
    pub fn commit_with(self, statements: Vec<Statement>) -> Boxed<'static, sqlx::Result<Vec<Row>>> {
        Box::pin(self.end_with("", statements))
    }

    async fn end_with(mut self, first: &'static str, statements: Vec<Statement>) -> sqlx::Result<Vec<Row>> {
        let rows = statement::together(&mut self, first, statements, COMMIT).await?;
        match self.inner {
            Inner::Writing(writing) => writing.ended(),
            Inner::Pooled(transaction) => transaction.commit().await?,
        }
        Ok(rows)
    }

    /// Undoes everything in it. Dropping it does so too, but only some time later, and until then its locks are held.
    ///
    /// # Errors
    /// The database is away: it then undoes everything by itself.
    pub fn rollback(self) -> Boxed<'static, sqlx::Result<()>> {
        Box::pin(async move {
            match self.inner {
                Inner::Writing(writing) => writing.rollback().await,
                Inner::Pooled(transaction) => transaction.rollback().await,
            }
        })
    }
}

/// Connections are not tried before they are used, which would be a round trip for each transaction. One whose server has
/// gone meanwhile is found out here, where nothing has been done yet, and is never used again.
async fn begin_on_a_live_connection(database: &Database) -> sqlx::Result<sqlx::Transaction<'static, Any>> {
    for _ in 0..database.pool.size() {
        match database.pool.begin().await {
            Err(sqlx::Error::Io(_)) => {}
            Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == SHUT_DOWN) => {}
            begun => return begun,
        }
    }
    database.pool.begin().await
}

impl Deref for Transaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        match &self.inner {
            Inner::Writing(writing) => writing,
            Inner::Pooled(transaction) => transaction,
        }
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.inner {
            Inner::Writing(writing) => writing,
            Inner::Pooled(transaction) => transaction,
        }
    }
}
