//! Every row of every table.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

/// Leases of relays, which move by themselves.
const RESTLESS: [&str; 2] = ["outbox_shards", "outbox_relays"];

/// Rows as texts, by table.
#[derive(PartialEq, Eq)]
pub(super) struct Rows(BTreeMap<String, Vec<String>>);

impl Rows {
    /// Reads the databases at these URLs.
    pub(super) async fn of(urls: &[String]) -> Rows {
        sqlx::any::install_default_drivers();
        let mut all = BTreeMap::new();
        for url in urls {
            let mut database = AnyConnection::connect(url).await.unwrap();
            let is_file = url.starts_with("sqlite:");
            let tables = match is_file {
                true => "SELECT name FROM sqlite_master WHERE type = 'table'",
                false => {
                    "SELECT table_schema || '.' || table_name FROM information_schema.tables \
                     WHERE table_schema LIKE '%\\_service'"
                }
            };
            for table in sqlx::query(tables).fetch_all(&mut database).await.unwrap() {
                let table: String = table.get(0);
                if RESTLESS.iter().any(|restless| table.ends_with(restless)) {
                    continue;
                }
                let row = match is_file {
                    true => columns(&mut database, &table).await,
                    false => format!("{table}::text"),
                };
                let alias = table.rsplit('.').next().unwrap();
                let row = row.replace(&format!("{table}::"), &format!("{alias}::"));
                let sql = format!("SELECT {row} FROM {table} AS {alias} ORDER BY 1");
                let rows = sqlx::query(AssertSqlSafe(sql))
                    .fetch_all(&mut database)
                    .await
                    .unwrap();
                let rows = rows.iter().map(|row| row.get(0)).collect();
                all.insert(format!("{url} {table}"), rows);
            }
            database.close().await.unwrap();
        }
        Rows(all)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// In words, what is otherwise than it was.
    pub(super) fn differences(&self, before: &Rows) -> Vec<String> {
        let mut differences = Vec::new();
        for (table, rows) in &self.0 {
            let old = before.0.get(table).cloned().unwrap_or_default();
            differences.extend(
                rows.iter()
                    .filter(|row| !old.contains(row))
                    .map(|row| format!("{table}: + {row}")),
            );
            differences.extend(
                old.iter()
                    .filter(|row| !rows.contains(row))
                    .map(|row| format!("{table}: - {row}")),
            );
        }
        differences
    }
}

/// All columns of a table of SQLite's as one text.
async fn columns(database: &mut AnyConnection, table: &str) -> String {
    let sql = format!("SELECT name FROM pragma_table_info('{table}')");
    let columns = sqlx::query(AssertSqlSafe(sql)).fetch_all(database).await.unwrap();
    let quoted = columns
        .iter()
        .map(|column| format!("quote(\"{}\")", column.get::<String, _>(0)));
    quoted.collect::<Vec<_>>().join(" || ', ' || ")
}
