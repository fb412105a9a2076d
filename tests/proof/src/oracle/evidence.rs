//! What the judge looks at, and how it gets into SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::{ParquetWindow, Rules, read_folder};
use crate::kafka::{self, Record};

/// The topics of one job.
#[derive(Debug, Clone)]
pub struct Topics {
    /// Where the orders come from.
    pub orders: String,
    /// Where the windows go.
    pub results: String,
    /// Where invalid records go.
    pub dlq: String,
    /// Where orders go that are too late.
    pub late: String,
    /// Where the job's progress records stand.
    pub progress: String,
}

/// The totals of the job's last progress record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the names are those of the contract: consumed is the sum of the others"
)]
pub struct Totals {
    pub consumed: i64,
    pub accepted: i64,
    pub duplicate: i64,
    pub ignored: i64,
    pub late: i64,
    pub invalid: i64,
}

/// Everything a read_committed consumer can see, collected over one or several readings: what retention or a deletion takes
/// from a topic later stays in here.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Name of the orders topic, which rejected records must tell.
    pub orders_topic: String,
    /// The orders topic by partition and offset.
    pub orders: BTreeMap<(i32, i64), Record>,
    /// The results topic by offset.
    pub results: BTreeMap<i64, Record>,
    /// The late topic by partition and offset.
    pub late: BTreeMap<(i32, i64), Record>,
    /// The dead letters by partition and offset.
    pub dlq: BTreeMap<(i32, i64), Record>,
    /// Starts of windows that retention froze.
    pub frozen: BTreeSet<i64>,
    /// The Parquet files, where they were read.
    pub parquet: Option<Vec<ParquetWindow>>,
    /// The progress topic as it is now: where it was lost, only what came after.
    pub progress: Vec<Record>,
    /// The job's own totals, where they are known and cover the whole log.
    pub totals: Option<Totals>,
}

impl Evidence {
    /// Reads all topics to their ends and adds what is new.
    ///
    /// # Errors
    /// When the broker cannot be asked, or the last progress record does not tell its totals. A topic that does not exist is
    /// empty.
    pub fn read(&mut self, bootstrap: &str, topics: &Topics) -> Result<()> {
        self.orders_topic.clone_from(&topics.orders);
        for record in kafka::read_all(bootstrap, &topics.orders)? {
            self.orders.insert((record.partition, record.offset), record);
        }
        for record in kafka::read_all(bootstrap, &topics.results)? {
            self.results.insert(record.offset, record);
        }
        for record in kafka::read_all(bootstrap, &topics.late)? {
            self.late.insert((record.partition, record.offset), record);
        }
        for record in kafka::read_all(bootstrap, &topics.dlq)? {
            self.dlq.insert((record.partition, record.offset), record);
        }
        // Read last, so that every result's commit is in it.
        self.progress = kafka::read_all(bootstrap, &topics.progress)?;
        self.totals = self.progress.last().map(totals).transpose()?;
        Ok(())
    }

    /// Reads the Parquet files under `root`.
    ///
    /// # Errors
    /// When a file cannot be read or has other columns than the contract says.
    pub fn read_parquet(&mut self, root: &Path) -> Result<()> {
        self.parquet = Some(read_folder(root)?);
        Ok(())
    }
}

fn totals(progress: &Record) -> Result<Totals> {
    let value = progress
        .value
        .as_deref()
        .context("a progress record has no value")?;
    let document: serde_json::Value =
        serde_json::from_slice(value).context("a progress record is no JSON")?;
    let total = |name: &str| {
        document["totals"][name]
            .as_i64()
            .with_context(|| format!("the progress has no total `{name}`: {document}"))
    };
    Ok(Totals {
        consumed: total("consumed")?,
        accepted: total("accepted")?,
        duplicate: total("duplicate")?,
        ignored: total("ignored")?,
        late: total("late")?,
        invalid: total("invalid")?,
    })
}

/// Rows of one `INSERT`: as many as stay well below SQLite's limit of bound values.
const ROWS: usize = 1000;

pub(super) async fn insert(db: &mut SqliteConnection, evidence: &Evidence, rules: &Rules) -> Result<()> {
    sqlx::query("BEGIN").execute(&mut *db).await?;
    sqlx::query("INSERT INTO rules VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(rules.window_ms)
        .bind(rules.lag_ms)
        .bind(rules.lateness_ms)
        .bind(rules.ahead_ms)
        .bind(&rules.currency)
        .bind(&rules.may_be_late)
        .bind(&evidence.orders_topic)
        .execute(&mut *db)
        .await?;
    let orders: Vec<&Record> = evidence.orders.values().collect();
    for rows in orders.chunks(ROWS) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO orders_log ");
        insert.push_values(rows, |mut row, record| {
            row.push_bind(record.partition)
                .push_bind(record.offset)
                .push_bind(record.timestamp);
            row.push_bind(record.key.clone());
            push_value(&mut row, record.value.as_deref());
        });
        insert.build().execute(&mut *db).await?;
    }
    for (kind, records) in [("late", &evidence.late), ("dlq", &evidence.dlq)] {
        let records: Vec<&Record> = records.values().collect();
        for rows in records.chunks(ROWS) {
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO rejects ");
            insert.push_values(rows, |mut row, record| {
                row.push_bind(kind)
                    .push_bind(record.offset)
                    .push_bind(record.header("source_topic"));
                row.push_bind(number(record, "source_partition"))
                    .push_bind(number(record, "source_offset"));
                row.push_bind(number(record, "source_timestamp"))
                    .push_bind(number(record, "truncated"));
                row.push_bind(record.header("error"))
                    .push_bind(record.key.clone());
                push_value(&mut row, record.value.as_deref());
            });
            insert.build().execute(&mut *db).await?;
        }
    }
    for record in evidence.results.values() {
        sqlx::query("INSERT INTO results VALUES (?, ?, ?)")
            .bind(record.offset)
            .bind(
                record
                    .key
                    .as_deref()
                    .map(|key| String::from_utf8_lossy(key).into_owned()),
            )
            .bind(
                record
                    .value
                    .as_deref()
                    .map(|value| String::from_utf8_lossy(value).into_owned()),
            )
            .execute(&mut *db)
            .await?;
    }
    for rows in evidence.progress.chunks(ROWS) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO progress_log ");
        insert.push_values(rows, |mut row, record| {
            row.push_bind(record.offset);
            push_value(&mut row, record.value.as_deref());
        });
        insert.build().execute(&mut *db).await?;
    }
    for row in evidence.parquet.iter().flatten() {
        sqlx::query("INSERT INTO parquet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(row.window_start_ms)
            .bind(row.window_end_ms)
            .bind(row.order_count)
            .bind(&row.total_revenue)
            .bind(row.total_items)
            .bind(row.unique_users)
            .bind(&row.average_order_value)
            .bind(row.revision)
            .bind(&row.file)
            .execute(&mut *db)
            .await?;
    }
    for start in &evidence.frozen {
        sqlx::query("INSERT INTO frozen VALUES (?)")
            .bind(start)
            .execute(&mut *db)
            .await?;
    }
    if let Some(totals) = evidence.totals {
        sqlx::query("INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?)")
            .bind(totals.consumed)
            .bind(totals.accepted)
            .bind(totals.duplicate)
            .bind(totals.ignored)
            .bind(totals.late)
            .bind(totals.invalid)
            .execute(&mut *db)
            .await?;
    }
    sqlx::query("COMMIT").execute(&mut *db).await?;
    Ok(())
}

/// Bytes that are UTF-8 go in as text, others as a blob: SQLite's JSON functions do not look at the encoding.
fn push_value(row: &mut sqlx::query_builder::Separated<'_, Sqlite, &'static str>, value: Option<&[u8]>) {
    match value.map(std::str::from_utf8) {
        None => row.push_bind(None::<String>),
        Some(Ok(text)) => row.push_bind(text.to_owned()),
        Some(Err(_)) => row.push_bind(value.map(<[u8]>::to_vec)),
    };
}

fn number(record: &Record, header: &str) -> Option<i64> {
    record.header(header)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_that_cannot_be_read_are_an_error() {
        let progress = |value: &str| Record {
            partition: 0,
            offset: 0,
            timestamp: 0,
            key: None,
            value: Some(value.as_bytes().to_vec()),
            headers: Vec::new(),
        };
        let full = r#"{"totals":{"consumed":3,"accepted":2,"duplicate":1,"ignored":0,"late":0,"invalid":0}}"#;
        assert_eq!(
            totals(&progress(full)).map(|totals| totals.consumed).ok(),
            Some(3)
        );
        for unreadable in ["", "{}", r#"{"totals":{"consumed":3}}"#] {
            assert!(totals(&progress(unreadable)).is_err(), "{unreadable}");
        }
    }
}
