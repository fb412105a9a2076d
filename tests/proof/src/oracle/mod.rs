//! The judge: SQL over every order of the topic, in SQLite, with none of the job's own arithmetic.
//!
//! Only one thing is taken from the job: which orders it called late, because that depends on how far the clocks of the
//! other partitions had come. The feed marks each order that may be late in its id, so an order in time that stands in
//! the late topic is a fault, and an order that was late by its own partition's clock must stand there.
//!
//! A window that late orders revise is judged revision by revision: the progress record of each commit tells how far every
//! partition was processed by it, and SQL sums the orders up to there.

mod checks;
mod evidence;
mod parquet;

use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

pub use evidence::{Evidence, Topics, Totals};
pub use parquet::{ParquetWindow, read_folder};

use crate::kafka::Record;

/// What the job was told; the judge needs it to know windows, verdicts and clocks.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Length of a window, milliseconds.
    pub window_ms: i64,
    /// Watermark lag, milliseconds.
    pub lag_ms: i64,
    /// Allowed lateness, milliseconds; where it changed between runs, the largest.
    pub lateness_ms: i64,
    /// How far an order may be ahead of its record's timestamp, milliseconds; 0 = any.
    pub ahead_ms: i64,
    /// The job's currency.
    pub currency: String,
    /// Glob of the order ids that the feed made late.
    pub may_be_late: String,
}

/// One answer that should not have been given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The check that found it.
    pub check: &'static str,
    /// Which record or window, and how it differs.
    pub detail: String,
}

/// What the judge found.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Everything that is wrong, at most [`FAULTS_A_CHECK`] of each kind.
    pub faults: Vec<Fault>,
    /// Orders missing from the windows, and records missing from the dead letters.
    pub lost: i64,
    /// Orders, results and rejected records that were counted or written twice.
    pub doubled: i64,
    /// Distinct orders in the windows, by SQL.
    pub accepted: i64,
    /// Windows, by SQL.
    pub windows: i64,
    /// Results with a revision above zero.
    pub revisions: i64,
    /// Results that were compared with what SQL says of their own commit: all of them, unless progress was lost.
    pub by_commit: i64,
    /// Records in the late topic.
    pub late: i64,
    /// Orders that were late by the clock of their own partition: in one bounded run over a log that stands still, these
    /// are exactly the late ones.
    pub late_by_own_partition: i64,
    /// Records in the dead letters.
    pub dead: i64,
}

/// A check that fails a thousand times says the same thing a thousand times.
pub const FAULTS_A_CHECK: usize = 8;

impl Verdict {
    /// Whether nothing is wrong.
    pub fn holds(&self) -> bool {
        self.faults.is_empty() && self.lost == 0 && self.doubled == 0
    }

    /// Panics with every fault unless the verdict holds.
    ///
    /// # Panics
    /// When something is lost, doubled or otherwise wrong.
    pub fn assert_holds(&self) {
        assert!(self.holds(), "{self}");
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} orders in {} windows, {} revisions, {} results by commit, {} late, {} dead letters; lost {}, doubled {}",
            self.accepted,
            self.windows,
            self.revisions,
            self.by_commit,
            self.late,
            self.dead,
            self.lost,
            self.doubled
        )?;
        for fault in &self.faults {
            write!(f, "\n  [{}] {}", fault.check, fault.detail)?;
        }
        Ok(())
    }
}

/// Puts every check to the evidence.
///
/// # Errors
/// When SQLite refuses something, which is a defect of the judge.
pub fn judge(evidence: &Evidence, rules: &Rules) -> Result<Verdict> {
    crate::block_on(async {
        let mut db =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(":memory:")).await?;
        sqlx::raw_sql(include_str!("schema.sql"))
            .execute(&mut db)
            .await
            .context("schema")?;
        evidence::insert(&mut db, evidence, rules)
            .await
            .context("loading the evidence")?;
        sqlx::raw_sql(include_str!("derive.sql"))
            .execute(&mut db)
            .await
            .context("deriving the windows")?;
        let mut asked: Vec<&checks::Check> = checks::CHECKS.iter().collect();
        if evidence.parquet.is_some() {
            asked.extend(checks::PARQUET);
        }
        if evidence.totals.is_some() {
            asked.extend(checks::TOTALS);
        }
        let mut verdict = Verdict::default();
        for check in asked {
            let rows = sqlx::query(check.sql)
                .fetch_all(&mut db)
                .await
                .with_context(|| check.name.to_owned())?;
            for row in rows.iter().take(FAULTS_A_CHECK) {
                verdict.faults.push(Fault {
                    check: check.name,
                    detail: row.try_get(0)?,
                });
            }
        }
        verdict.lost = number(&mut db, checks::LOST).await?;
        verdict.doubled = number(&mut db, checks::DOUBLED).await?;
        verdict.accepted = number(&mut db, "SELECT count(*) FROM accepted").await?;
        verdict.windows = number(&mut db, "SELECT count(*) FROM expected").await?;
        verdict.revisions = number(&mut db, "SELECT count(*) FROM published WHERE revision > 0").await?;
        verdict.by_commit = number(&mut db, checks::BY_COMMIT).await?;
        verdict.late = number(&mut db, "SELECT count(*) FROM rejects WHERE kind = 'late'").await?;
        verdict.late_by_own_partition = number(&mut db, checks::LATE_BY_OWN_PARTITION).await?;
        verdict.dead = number(&mut db, "SELECT count(*) FROM rejects WHERE kind = 'dlq'").await?;
        Ok(verdict)
    })
}

/// The results that a faultless job would publish for these orders if none is late: for tests of the judge itself.
///
/// # Errors
/// When SQLite refuses something.
pub fn faultless_results(evidence: &Evidence, rules: &Rules) -> Result<Vec<Record>> {
    crate::block_on(async {
        let mut db =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(":memory:")).await?;
        sqlx::raw_sql(include_str!("schema.sql")).execute(&mut db).await?;
        evidence::insert(&mut db, evidence, rules).await?;
        sqlx::raw_sql(include_str!("derive.sql")).execute(&mut db).await?;
        let sql = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', window_start_ms / 1000, 'unixepoch'),
                          json_object('window_start', strftime('%Y-%m-%dT%H:%M:%SZ', window_start_ms / 1000, 'unixepoch'),
                            'window_end', strftime('%Y-%m-%dT%H:%M:%SZ', window_end_ms / 1000, 'unixepoch'), 'order_count', order_count,
                            'total_revenue', total_revenue, 'total_items', total_items, 'unique_users', unique_users,
                            'average_order_value', average_order_value, 'revision', 0)
                   FROM wanted ORDER BY window_start_ms";
        let rows = sqlx::query(sql).fetch_all(&mut db).await?;
        let mut results = Vec::with_capacity(rows.len());
        for (offset, row) in (0..).zip(&rows) {
            let (key, value): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            results.push(Record {
                partition: 0,
                offset,
                timestamp: 0,
                key: Some(key.into_bytes()),
                value: Some(value.into_bytes()),
                headers: Vec::new(),
            });
        }
        Ok(results)
    })
}

async fn number(db: &mut SqliteConnection, sql: &'static str) -> Result<i64> {
    Ok(sqlx::query_scalar(sql).fetch_one(db).await?)
}
