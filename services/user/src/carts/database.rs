//! Carts in the service's database.

use std::time::Duration;

use service_common::database::{Database, for_update};
use service_common::failure::{Code, Failure};
use sqlx::{AssertSqlSafe, Row as _};

use super::{CartItem, CartStore, MOST_LINES, full};
use crate::sessions::{Answer, after};

/// Keeps carts in a database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DatabaseCarts {
    database: Database,
    kept_for: Duration,
}

impl DatabaseCarts {
    /// Those in a database; each item is kept for that long after it was last put there.
    #[must_use]
    pub fn new(database: Database, kept_for: Duration) -> DatabaseCarts {
        DatabaseCarts { database, kept_for }
    }

    async fn try_get(&self, user_id: &str) -> Result<Vec<CartItem>, Failure> {
        let statement = AssertSqlSafe(format!(
            "SELECT product_id, quantity FROM cart_items WHERE user_id = $1 AND expires_at_ms > {}
             ORDER BY product_id",
            self.database.now()
        ));
        let rows = sqlx::query(statement)
            .bind(user_id)
            .fetch_all(self.database.pool())
            .await?;
        let items = rows.iter().map(|row| {
            Ok(CartItem {
                product_id: row.try_get("product_id")?,
                // By the schema between 1 and 1,000.
                quantity: u32::try_from(row.try_get::<i64, _>("quantity")?).unwrap_or(1),
            })
        });
        Ok(items.collect::<sqlx::Result<_>>()?)
    }

    async fn try_put(&self, user_id: &str, product_id: &str, quantity: u32) -> Result<(), Failure> {
        let mut transaction = self.database.begin().await?;
        // The user's row stands for the cart: two who put at once would both find room for one more.
        let lock = for_update!(transaction, "SELECT id FROM accounts WHERE id = $1");
        let found = sqlx::query(lock)
            .bind(user_id)
            .fetch_optional(&mut *transaction)
            .await?;
        if found.is_none() {
            transaction.rollback().await?;
            return Err(Failure::new(Code::NotFound, "there is no such user"));
        }
        let now_ms = transaction.now_ms().await?;
        sqlx::query("DELETE FROM cart_items WHERE user_id = $1 AND expires_at_ms <= $2")
            .bind(user_id)
            .bind(now_ms)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO cart_items (user_id, product_id, quantity, expires_at_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (user_id, product_id) DO UPDATE
             SET quantity = excluded.quantity, expires_at_ms = excluded.expires_at_ms",
        )
        .bind(user_id)
        .bind(product_id)
        .bind(i64::from(quantity))
        .bind(after(now_ms, self.kept_for))
        .execute(&mut *transaction)
        .await?;
        let lines: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM cart_items WHERE user_id = $1")
            .bind(user_id)
            .fetch_one(&mut *transaction)
            .await?;
        if lines > MOST_LINES {
            transaction.rollback().await?;
            return Err(full());
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn try_remove(&self, user_id: &str, product_id: &str) -> Result<(), Failure> {
        let mut transaction = self.database.begin().await?;
        sqlx::query("DELETE FROM cart_items WHERE user_id = $1 AND product_id = $2")
            .bind(user_id)
            .bind(product_id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn try_sweep(&self) -> sqlx::Result<u64> {
        let key = "user_id, product_id";
        self.database
            .sweep("cart_items", key, "expires_at_ms <= $1")
            .await
    }
}

impl CartStore for DatabaseCarts {
    fn get<'a>(&'a self, user_id: &'a str) -> Answer<'a, Vec<CartItem>> {
        Box::pin(self.try_get(user_id))
    }

    fn put<'a>(&'a self, user_id: &'a str, product_id: &'a str, quantity: u32) -> Answer<'a, ()> {
        Box::pin(self.try_put(user_id, product_id, quantity))
    }

    fn remove<'a>(&'a self, user_id: &'a str, product_id: &'a str) -> Answer<'a, ()> {
        Box::pin(self.try_remove(user_id, product_id))
    }

    fn sweep(&self) -> Answer<'_, u64> {
        Box::pin(async move { Ok(self.try_sweep().await?) })
    }
}
