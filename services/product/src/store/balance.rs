//! The proof that no stock is lost: what is there and what orders have is what was put in.

use service_common::database::{Database, Kind};
use sqlx::Row as _;

/// Where the stock of a product is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whose.
    pub product_id: String,
    /// Can be ordered.
    pub stock: i64,
    /// Set aside for orders.
    pub reserved: i64,
    /// Sold to orders.
    pub sold: i64,
    /// The sum of all changes by hand.
    pub put_in: i64,
}

impl Balance {
    /// Whether nothing is lost and nothing came from nowhere.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.stock >= 0 && self.stock + self.reserved + self.sold == self.put_in
    }
}

/// The statement; what differs is how a document is taken apart.
macro_rules! statement {
    ($lines:literal) => {
        concat!(
            "WITH lines AS (",
            $lines,
            "), had AS (
                SELECT product_id,
                       CAST(SUM(CASE state WHEN 'reserved' THEN quantity ELSE 0 END) AS BIGINT) AS reserved,
                       CAST(SUM(CASE state WHEN 'sold' THEN quantity ELSE 0 END) AS BIGINT) AS sold
                FROM lines GROUP BY product_id
            ), put AS (
                SELECT product_id, CAST(SUM(change) AS BIGINT) AS put_in FROM stock_changes GROUP BY product_id
            )
            SELECT products.id, stock, COALESCE(reserved, 0), COALESCE(sold, 0), COALESCE(put_in, 0)
            FROM products
            LEFT JOIN had ON had.product_id = products.id
            LEFT JOIN put ON put.product_id = products.id
            ORDER BY products.id"
        )
    };
}

const SQLITE: &str = statement!(
    "SELECT state, json_extract(line.value, '$.p') AS product_id, json_extract(line.value, '$.q') AS quantity
     FROM reservations, json_each(lines) AS line WHERE state IN ('reserved', 'sold')"
);
const POSTGRES: &str = statement!(
    "SELECT state, line ->> 'p' AS product_id, CAST(line ->> 'q' AS BIGINT) AS quantity
     FROM reservations, jsonb_array_elements(CAST(lines AS jsonb)) AS line WHERE state IN ('reserved', 'sold')"
);

/// Where the stock of every product is, at one moment. Reads every reservation: for tests and for whoever has a doubt.
///
/// # Errors
/// The database failed.
pub async fn balance(database: &Database) -> sqlx::Result<Vec<Balance>> {
    let statement = match database.kind() {
        Kind::Sqlite => SQLITE,
        Kind::Postgres => POSTGRES,
    };
    let rows = sqlx::query(statement).fetch_all(database.pool()).await?;
    let balances = rows.iter().map(|row| {
        Ok(Balance {
            product_id: row.try_get(0)?,
            stock: row.try_get(1)?,
            reserved: row.try_get(2)?,
            sold: row.try_get(3)?,
            put_in: row.try_get(4)?,
        })
    });
    balances.collect()
}
