//! Rows that go once their time is over.

use sqlx::AssertSqlSafe;

use super::Database;
use crate::boxed::Boxed;

/// The most rows that one transaction deletes: so few that it ends well before its time-out, and that SQLite's other writers
/// hardly wait.
const AT_ONCE: u64 = 1_000;

impl Database {
    /// Deletes the rows of a table of which `is_over` holds, which compares with `$1`, the present on the database's clock;
    /// gives how many. However many they are, each transaction deletes a thousand at most. `key` lists the columns of the
    /// primary key. All three are made of constants and numbers, and nothing that came from outside.
    ///
    /// # Errors
    /// The database failed. What was deleted before stays so.
    pub fn sweep<'a>(&'a self, table: &str, key: &str, is_over: &str) -> Boxed<'a, sqlx::Result<u64>> {
        // The condition stands there twice: PostgreSQL looks at the outer one again where a row was changed meanwhile.
        let statement = format!(
            "DELETE FROM {table} WHERE {is_over} AND ({key}) IN
             (SELECT {key} FROM {table} WHERE {is_over} LIMIT {AT_ONCE})"
        );
        Box::pin(async move {
            let mut all = 0;
            loop {
                let mut transaction = self.begin().await?;
                let now_ms = transaction.now_ms().await?;
                let swept = sqlx::query(AssertSqlSafe(statement.clone()))
                    .bind(now_ms)
                    .execute(&mut *transaction)
                    .await?
                    .rows_affected();
                transaction.commit().await?;
                all += swept;
                if swept < AT_ONCE {
                    return Ok(all);
                }
            }
        })
    }
}
