//! The account in SQLite: raw records go in, SQL does the sums.

use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Row, SqliteConnection};
use tokio::runtime::Runtime;

/// Rows of one statement; below SQLite's limit of 32,766 values.
const BATCH: usize = 500;

/// A raw record of the `orders` topic; a value that is no UTF-8 has no text.
#[derive(Clone, Debug)]
pub(super) struct RawOrder {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) text: Option<String>,
}

/// The figures of `sums.sql`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) accepted: u64,
    pub(super) created: u64,
    pub(super) ignored: u64,
    pub(super) late: u64,
    pub(super) invalid: u64,
    pub(super) unreadable: u64,
    pub(super) windows: u64,
    pub(super) revisions: u64,
    pub(super) open: u64,
    pub(super) doubled: u64,
    pub(super) shrunk: u64,
}

/// A window that is not as SQL counts it, both sides in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) window_s: i64,
    pub(super) expected: String,
    pub(super) published: String,
}

/// The account, in memory.
pub(super) struct Ledger<'r> {
    runtime: &'r Runtime,
    connection: SqliteConnection,
    orders: Vec<RawOrder>,
    event_batch: String,
}

impl<'r> Ledger<'r> {
    /// An empty account.
    pub(super) fn open(runtime: &'r Runtime) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .in_memory(true)
            .statement_cache_capacity(16)
            .disable_statement_logging();
        let connection = runtime.block_on(async {
            let mut connection = options.connect().await?;
            sqlx::raw_sql(include_str!("ledger.sql"))
                .execute(&mut connection)
                .await?;
            sqlx::raw_sql("BEGIN").execute(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        });
        let connection = connection.context("cannot open SQLite in memory")?;
        let event_batch = batch_statement(include_str!("event.sql"), "(?,?,?)", BATCH);
        Ok(Self {
            runtime,
            connection,
            orders: Vec::with_capacity(BATCH),
            event_batch,
        })
    }

    /// Notes a record that was rejected; all of them must be known before the first order. Returns whether it is new.
    pub(super) fn reject(&mut self, topic: &'static str, partition: i32, offset: i64) -> Result<bool> {
        let insert = sqlx::query("INSERT OR IGNORE INTO reject VALUES (?, ?, ?)")
            .bind(topic)
            .bind(partition)
            .bind(offset)
            .execute(&mut self.connection);
        Ok(self.runtime.block_on(insert)?.rows_affected() == 1)
    }

    /// Notes a published result, as raw JSON.
    pub(super) fn result(&mut self, text: &str) -> Result<()> {
        let statement = batch_statement(include_str!("result.sql"), "(?)", 1);
        let insert = sqlx::query(AssertSqlSafe(statement))
            .bind(text)
            .execute(&mut self.connection);
        self.runtime
            .block_on(insert)
            .with_context(|| format!("a result that is none: {text}"))?;
        Ok(())
    }

    /// Notes an order.
    pub(super) fn order(&mut self, order: RawOrder) -> Result<()> {
        self.orders.push(order);
        if self.orders.len() < BATCH {
            return Ok(());
        }
        let statement = self.event_batch.clone();
        self.insert_orders(statement)
    }

    fn insert_orders(&mut self, statement: String) -> Result<()> {
        let mut query = sqlx::query::<sqlx::Sqlite>(AssertSqlSafe(statement));
        for order in self.orders.drain(..) {
            query = query.bind(order.partition).bind(order.offset).bind(order.text);
        }
        let execute = bound(query).execute(&mut self.connection);
        self.runtime
            .block_on(execute)
            .context("SQLite cannot read the orders")?;
        Ok(())
    }

    /// Ends the taking of notes and does the sums, over windows that start at `from_s` or later; those that end after
    /// `watermark_s` were still open.
    pub(super) fn settle(&mut self, from_s: i64, watermark_s: i64) -> Result<Sums> {
        if !self.orders.is_empty() {
            let statement = batch_statement(include_str!("event.sql"), "(?,?,?)", self.orders.len());
            self.insert_orders(statement)?;
        }
        let (runtime, connection) = (self.runtime, &mut self.connection);
        let row = runtime.block_on(async {
            sqlx::query("INSERT INTO span VALUES (?, ?)")
                .bind(from_s)
                .bind(watermark_s)
                .execute(&mut *connection)
                .await?;
            sqlx::raw_sql(include_str!("settle.sql"))
                .execute(&mut *connection)
                .await?;
            sqlx::query(include_str!("sums.sql"))
                .fetch_one(&mut *connection)
                .await
        });
        let row = row.context("SQLite cannot do the sums")?;
        let figure = |name: &str| -> Result<u64> { Ok(row.try_get::<i64, _>(name)?.try_into()?) };
        Ok(Sums {
            accepted: figure("accepted")?,
            created: figure("created")?,
            ignored: figure("ignored")?,
            late: figure("late")?,
            invalid: figure("invalid")?,
            unreadable: figure("unreadable")?,
            windows: figure("windows")?,
            revisions: figure("revisions")?,
            open: figure("open")?,
            doubled: figure("doubled")?,
            shrunk: figure("shrunk")?,
        })
    }

    /// The windows that are not as SQL counts them, once the account is settled.
    pub(super) fn differences(&mut self) -> Result<Vec<Difference>> {
        let query = sqlx::query(include_str!("windows.sql"));
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection))?;
        rows.iter()
            .map(|row| {
                Ok(Difference {
                    window_s: row.try_get("window_s")?,
                    expected: row.try_get("expected")?,
                    published: row.try_get("published")?,
                })
            })
            .collect()
    }
}

type BoundQuery = sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>;

/// Names the type of a query whose values are all owned.
fn bound(query: BoundQuery) -> BoundQuery {
    query
}

/// The statement for this many rows; its comment speaks of them as well.
fn batch_statement(template: &str, row: &str, rows: usize) -> String {
    let statement = template.split_once('\n').map_or(template, |(_, rest)| rest);
    statement.replace("{ROWS}", &vec![row; rows].join(","))
}
