//! Carts in the database: what a user means to order, kept for a month.

use std::time::Duration;

use service_common::database::{Database, for_update};
use service_common::failure::{Code, Failure};
use sqlx::{AssertSqlSafe, Row as _};

use crate::sessions::after;

/// The most products in a cart: the most lines of an order.
pub const MOST_LINES: i64 = 100;

/// A product in a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartItem {
    /// Which one; whether it exists is known to the product service.
    pub product_id: String,
    /// How many of it.
    pub quantity: u32,
}

/// All carts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Carts {
    database: Database,
    kept_for: Duration,
}

impl Carts {
    /// Those in a database; each item is kept for that long after it was last put there.
    #[must_use]
    pub fn new(database: Database, kept_for: Duration) -> Carts {
        Carts { database, kept_for }
    }

    /// What lies in a user's cart, by product id.
    ///
    /// # Errors
    /// The database failed.
    pub async fn get(&self, user_id: &str) -> Result<Vec<CartItem>, Failure> {
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

    /// Puts a product into a user's cart, or changes how many of it lie there.
    ///
    /// # Errors
    /// The cart is full, or there is no such user.
    pub async fn put(&self, user_id: &str, product_id: &str, quantity: u32) -> Result<(), Failure> {
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
            let fault = format!("the cart holds {MOST_LINES} other products already");
            return Err(Failure::field("product_id", fault));
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Takes a product out of a user's cart. Where it does not lie there nothing changes.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remove(&self, user_id: &str, product_id: &str) -> Result<(), Failure> {
        let mut transaction = self.database.begin().await?;
        sqlx::query("DELETE FROM cart_items WHERE user_id = $1 AND product_id = $2")
            .bind(user_id)
            .bind(product_id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets what was kept long enough; gives how many items.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sweep(&self) -> sqlx::Result<u64> {
        let mut transaction = self.database.begin().await?;
        let now_ms = transaction.now_ms().await?;
        let swept = sqlx::query("DELETE FROM cart_items WHERE expires_at_ms <= $1")
            .bind(now_ms)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(swept.rows_affected())
    }
}
