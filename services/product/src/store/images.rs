//! Which picture a product has, and files that no product has any more, or not yet.

use service_common::database::{Database, Kind, Transaction};
use service_common::files::FileName;
use sqlx::Row as _;

use super::products;
use crate::product::Product;

/// Notes a file that is about to be put: unless a product gets it before that moment it is removed.
///
/// # Errors
/// The database failed.
pub(crate) async fn announce(
    transaction: &mut Transaction,
    file: &FileName,
    remove_in_ms: i64,
) -> sqlx::Result<()> {
    let remove_at_ms = transaction.now_ms().await? + remove_in_ms;
    sqlx::query("INSERT INTO unused_files (name, remove_at_ms, is_taken) VALUES ($1, $2, 0)")
        .bind(file.as_str())
        .bind(remove_at_ms)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// From now on the file is a product's; false where it is being removed.
///
/// # Errors
/// The database failed.
pub(crate) async fn keep(transaction: &mut Transaction, file: &FileName) -> sqlx::Result<bool> {
    let kept = sqlx::query("DELETE FROM unused_files WHERE name = $1 AND is_taken = 0")
        .bind(file.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(kept.rows_affected() == 1)
}

/// Gives a product another picture, or none, and tells which one it had. `None` where there is no such product.
///
/// # Errors
/// The database failed.
pub(crate) async fn replace(
    transaction: &mut Transaction,
    product_id: &str,
    image: Option<&str>,
) -> sqlx::Result<Option<(Product, Option<String>)>> {
    let before = sqlx::query(match transaction.kind() {
        Kind::Sqlite => "SELECT image FROM products WHERE id = $1",
        Kind::Postgres => "SELECT image FROM products WHERE id = $1 FOR UPDATE",
    })
    .bind(product_id)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(before) = before else { return Ok(None) };
    let product = products::set_image(transaction, product_id, image).await?;
    Ok(Some((product, before.try_get("image")?)))
}

/// Files to be removed now; nobody gets them any more.
///
/// # Errors
/// The database failed.
pub(crate) async fn take_unused(database: &Database, most: i64) -> sqlx::Result<Vec<String>> {
    let mut transaction = database.begin().await?;
    let now_ms = transaction.now_ms().await?;
    let names = sqlx::query_scalar(
        "UPDATE unused_files SET is_taken = 1 WHERE name IN \
         (SELECT name FROM unused_files WHERE remove_at_ms <= $1 ORDER BY remove_at_ms LIMIT $2) \
         AND remove_at_ms <= $1 RETURNING name",
    )
    .bind(now_ms)
    .bind(most)
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(names)
}

/// A file could not be removed: all others come before it.
///
/// # Errors
/// The database failed.
pub(crate) async fn postpone(database: &Database, name: &str) -> sqlx::Result<()> {
    let mut transaction = database.begin().await?;
    let now_ms = transaction.now_ms().await?;
    sqlx::query("UPDATE unused_files SET remove_at_ms = $1 WHERE name = $2")
        .bind(now_ms)
        .bind(name)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// A file was removed.
///
/// # Errors
/// The database failed.
pub(crate) async fn forget(database: &Database, name: &str) -> sqlx::Result<()> {
    let mut transaction = database.begin().await?;
    sqlx::query("DELETE FROM unused_files WHERE name = $1")
        .bind(name)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
