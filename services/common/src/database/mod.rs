//! SQLite or PostgreSQL behind one handle; the URL alone decides.
//!
//! Statements are written once, in what both understand: `$1`, `TEXT`, `BIGINT`, `ON CONFLICT`, `RETURNING`. Moments are
//! milliseconds since 1970, amounts minor units, flags 0 or 1, documents JSON in `TEXT`.
//!
//! With SQLite every transaction that writes begins `IMMEDIATE`, one at a time in the sequence of asking, and those that are
//! decided by one step ([`Database::transact`]) go together where they wait; the log is written ahead (`WAL`) and synchronised
//! as `NORMAL`: what was committed survives a killed process, not a power cut.

mod group;
mod list;
mod lock;
mod migrate;
mod now;
mod options;
mod renewal;
mod statement;
mod sweep;
mod transact;
mod transaction;
mod turn;
mod writer;

use std::time::{Duration, Instant};

use prometheus::Histogram;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Executor, SqlSafeStr};
use tracing::Span;

pub use crate::{for_update, for_update_now};
pub use list::in_list;
pub use migrate::Migrate;
pub use options::{DatabaseOptions, DatabaseUrl, DatabaseUrlError};
pub use statement::Statement;
pub use transaction::Transaction;

use self::group::Groups;
use self::writer::Writer;

use crate::boxed::Boxed;
use crate::failure::{Code, Failure};
use crate::metrics::Metrics;
use crate::trace::TARGET;

/// SQLite: so many pages are written ahead before they are put in their places, which is synchronised with the disk. Of 4 KiB
/// each; by itself it is a quarter of that.
const CHECKPOINT: u32 = 4_000;

/// When to come again to a database that has too many calls.
const MOMENT: Duration = Duration::from_secs(1);

/// A row of a result.
pub type Row = AnyRow;

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Kind {
    /// As traces name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Sqlite => "sqlite",
            Kind::Postgres => "postgresql",
        }
    }
}

/// The database of one service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
    kind: Kind,
    /// SQLite's.
    writer: Option<Writer>,
    /// Of those who write by it.
    groups: Option<Groups>,
    /// How long transactions waited to begin, in seconds.
    waits: Option<Histogram>,
}

/// The database could not be opened or changed to what this version needs.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be reached or read.
    #[error("cannot open the database {url}: {source}")]
    Open {
        /// Without its password.
        url: String,
        /// Why.
        source: sqlx::Error,
    },
    /// A step of the schema failed.
    #[error("cannot bring the schema of {url} up to date: {source}")]
    Migrate {
        /// Without its password.
        url: String,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
}

/// A step of a service's schema: its text must not be changed once it was released.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Counted from 1.
    pub version: i64,
    /// What it makes.
    pub description: &'static str,
    /// Statements.
    pub sql: &'static str,
}

impl Database {
    /// Opens the database and brings its schema up to date.
    ///
    /// With PostgreSQL the service owns the schema `owner` and sees no other; SQLite's file is made where it is missing.
    ///
    /// # Errors
    /// It cannot be reached, or a step fails.
    pub fn open<'a>(
        options: &'a DatabaseOptions,
        owner: &'static str,
        steps: &'a [Step],
    ) -> Boxed<'a, Result<Database, DatabaseError>> {
        Box::pin(async move {
            sqlx::any::install_default_drivers();
            let url = &options.url;
            let failed = |source| DatabaseError::Open {
                url: url.to_string(),
                source,
            };
            let connect = url.connect().map_err(failed)?;
            let kind = url.kind();
            let busy_ms = options.statement_timeout.as_millis();
            // The shorter of the two tells which it was: a row that another call holds, or a database that is slow.
            let lock_ms = (busy_ms * 4 / 5).max(1);
            let first = match kind {
                Kind::Sqlite => format!(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
                 PRAGMA busy_timeout = {busy_ms}; PRAGMA cache_size = -8000; PRAGMA wal_autocheckpoint = {CHECKPOINT}"
                ),
                Kind::Postgres => format!(
                    "SELECT pg_advisory_xact_lock(hashtext('{owner}')); CREATE SCHEMA IF NOT EXISTS {owner}; \
                 SET search_path TO {owner}; SET statement_timeout = {busy_ms}; SET lock_timeout = {lock_ms}"
                ),
            };
            let _turn = turn::turn(url).await.map_err(failed)?;
            let at_first = first.clone();
            let pool = AnyPoolOptions::new()
                .max_connections(options.pool_size)
                .acquire_timeout(options.acquire_timeout)
                // A transaction finds out by itself, and begins on another connection; see `Transaction::begin`.
                .test_before_acquire(false)
                .after_connect(move |connection, _| {
                    let first = at_first.clone();
                    Box::pin(async move {
                        connection
                            .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(first)))
                            .await?;
                        Ok(())
                    })
                });
            let pool = pool.connect_with(connect.clone()).await.map_err(failed)?;
            let migrations = steps.iter().map(|step| {
                Migration::new(
                    step.version,
                    step.description.into(),
                    MigrationType::Simple,
                    step.sql.into_sql_str(),
                    false,
                )
            });
            Migrator::with_migrations(migrations.collect())
                .run(&pool)
                .await
                .map_err(|source| DatabaseError::Migrate {
                    url: url.to_string(),
                    source,
                })?;
            let writer = match kind {
                Kind::Sqlite => {
                    let connection = prepared(&connect, first).await.map_err(failed)?;
                    Some(Writer::new(connection, options.acquire_timeout))
                }
                Kind::Postgres => None,
            };
            if let (Kind::Postgres, Some(file)) = (kind, options.url_file.clone()) {
                let (url, pool) = (url.clone(), pool.clone());
                tokio::spawn(async move { renewal::follow(&file, url, pool).await });
            }
            let groups = writer
                .clone()
                .map(|writer| Groups::new(writer, options.acquire_timeout));
            Ok(Database {
                pool,
                kind,
                writer,
                groups,
                waits: None,
            })
        })
    }

    /// The same database; how long transactions wait to begin is measured.
    #[must_use]
    pub fn measured(self, metrics: &Metrics) -> Database {
        Database {
            waits: Some(metrics.database_wait()),
            ..self
        }
    }

    /// Which of the two it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// For statements that only read, outside a transaction.
    #[must_use]
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Begins a transaction that writes. One that is dropped is rolled back.
    ///
    /// # Errors
    /// No connection in time, or the database is away.
    pub fn begin(&self) -> Boxed<'_, sqlx::Result<Transaction>> {
        Box::pin(Transaction::begin(self))
    }

    /// Begins a transaction that writes with these statements; gives their rows. With SQLite they are sent together.
    ///
    /// # Errors
    /// No connection in time, or the database failed.
    pub fn begin_with(&self, statements: Vec<Statement>) -> Boxed<'_, sqlx::Result<(Transaction, Vec<Row>)>> {
        Box::pin(Transaction::begin_with(self, statements))
    }

    /// Executes these statements in a transaction of their own; gives their rows. With SQLite they are sent together.
    ///
    /// # Errors
    /// The database failed. Whether it was done is not known then: ask again.
    pub fn write(&self, statements: Vec<Statement>) -> Boxed<'_, sqlx::Result<Vec<Row>>> {
        Box::pin(Transaction::write(self, statements))
    }

    /// A transaction of two sets of statements: the second is decided by the rows of the first, and by nothing else that may
    /// change. Gives what was decided, and the rows of the second.
    ///
    /// With SQLite those that wait for their turn and begin with the same statements go together: the first sets of all, then the
    /// second sets. So what the first set of another such one reads, only a first set may change, or they have one subject: of
    /// one subject, one goes after the other. `decide` is called again where it was not to be, or something of it or of those
    /// that went with it could not be done; it does nothing but decide.
    ///
    /// # Errors
    /// What `decide` gives, and then nothing was done; or the database failed: whether it was done is not known, ask again.
    pub fn transact<'a, T: Send + 'static, E: From<sqlx::Error> + Send + 'static>(
        &'a self,
        subject: &'a str,
        first: Vec<Statement>,
        decide: impl Fn(&[Row]) -> Result<(Vec<Statement>, T), E> + Send + Sync + 'static,
    ) -> Boxed<'a, Result<(T, Vec<Row>), E>> {
        Box::pin(transact::transact(self, subject, first, decide))
    }

    /// The database's own clock, in milliseconds since 1970: an expression for statements. Every instance of a service
    /// reads the same clock, whatever its machine's says.
    #[must_use]
    pub fn now(&self) -> &'static str {
        now::expression(self.kind)
    }

    /// Whether a statement gets through.
    ///
    /// # Errors
    /// It does not.
    pub fn ping(&self) -> Boxed<'_, sqlx::Result<()>> {
        Box::pin(async move {
            sqlx::query("SELECT 1").execute(&self.pool).await?;
            Ok(())
        })
    }

    /// Connections that are open, and how many of them are idle.
    #[must_use]
    pub fn connections(&self) -> (u32, usize) {
        let (mut open, mut idle) = (self.pool.size(), self.pool.num_idle());
        if let Some(writer) = &self.writer {
            open += 1;
            idle += usize::from(writer.is_idle());
        }
        (open, idle)
    }

    /// Of traces: a transaction, from asking for a connection to the end.
    fn span(&self) -> Span {
        tracing::debug_span!(
            target: TARGET,
            "transaction",
            otel.kind = "client",
            db.system.name = self.kind.as_str(),
        )
    }

    /// A transaction begins that was asked for then.
    fn waited(&self, asked: Instant) {
        if let Some(waits) = &self.waits {
            waits.observe(asked.elapsed().as_secs_f64());
        }
    }

    /// Closes every connection; what was committed is kept.
    pub fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            self.pool.close().await;
            if let Some(writer) = &self.writer {
                writer.close().await;
            }
        })
    }
}

/// A connection on which these statements were executed.
async fn prepared(connect: &AnyConnectOptions, first: String) -> sqlx::Result<AnyConnection> {
    let mut connection = connect.connect().await?;
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(first)))
        .await?;
    Ok(connection)
}

/// What a caller is told of a database that failed.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Failure {
        match &error {
            sqlx::Error::PoolTimedOut => {
                Failure::new(Code::Overloaded, "too many calls at once").after(MOMENT)
            }
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
                Failure::new(Code::Unavailable, "the database cannot be reached")
            }
            sqlx::Error::Database(refusal) => match refusal.code().as_deref() {
                // PostgreSQL: serialisation failure, deadlock, lock time-out. SQLite: busy, locked.
                Some("40001" | "40P01" | "55P03" | "5" | "6" | "517" | "261") => {
                    Failure::new(Code::Contended, "the same was being changed by another call")
                }
                // PostgreSQL: statement time-out.
                Some("57014") => Failure::new(Code::Timeout, "the database did not answer in time"),
                // PostgreSQL: going down or coming up, or its connections are all in use.
                Some("57P01" | "57P02" | "57P03" | "53300") => {
                    Failure::new(Code::Unavailable, "the database cannot be reached")
                }
                _ => Failure::internal(error),
            },
            _ => Failure::internal(error),
        }
    }
}
