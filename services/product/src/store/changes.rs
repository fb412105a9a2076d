//! Changes of stock by hand: what was put in.

use service_common::database::Transaction;
use sqlx::Row as _;

use crate::product::Change;

/// Stores a change; false where its id was used before.
///
/// # Errors
/// The database failed.
pub(crate) async fn insert(transaction: &mut Transaction, change: &Change) -> sqlx::Result<bool> {
    let inserted = sqlx::query(
        "INSERT INTO stock_changes (id, product_id, change) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&change.id)
    .bind(&change.product_id)
    .bind(change.change)
    .execute(&mut **transaction)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The change that was made under an id.
///
/// # Errors
/// The database failed, or there is none.
pub(crate) async fn get(transaction: &mut Transaction, id: &str) -> sqlx::Result<Change> {
    let row = sqlx::query("SELECT id, product_id, change FROM stock_changes WHERE id = $1")
        .bind(id)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(Change {
        id: row.try_get("id")?,
        product_id: row.try_get("product_id")?,
        change: row.try_get("change")?,
    })
}
