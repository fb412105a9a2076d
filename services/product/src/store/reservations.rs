//! What orders have of the stock.

use serde::{Deserialize, Serialize};
use service_common::database::{Row, Statement, Transaction, for_update};
use sqlx::Row as _;

use super::{price, wrong};
use crate::reservation::{Outcome, PricedLine};

const RESERVED: &str = "reserved";
const SOLD: &str = "sold";
const OUT: &str = "out";
const UNKNOWN: &str = "unknown";
const RELEASED: &str = "released";

/// Stores what becomes of an order's wish. Without a row nothing is stored: it was decided before.
///
/// # Errors
/// It cannot be written as JSON.
pub(crate) fn insert(order_id: &str, outcome: &Outcome) -> sqlx::Result<Statement> {
    let (state, lines, products): (_, &[PricedLine], &[String]) = match outcome {
        Outcome::Reserved(lines) => (RESERVED, lines, &[]),
        Outcome::Sold(lines) => (SOLD, lines, &[]),
        Outcome::OutOfStock(products) => (OUT, &[], products),
        Outcome::UnknownProducts(products) => (UNKNOWN, &[], products),
        Outcome::Released => (RELEASED, &[], &[]),
    };
    let lines: Vec<StoredLine<'_>> = lines.iter().map(StoredLine::of).collect();
    let statement = Statement::new(
        "INSERT INTO reservations (order_id, state, lines, product_ids) VALUES ($1, $2, $3, $4)
         ON CONFLICT (order_id) DO NOTHING RETURNING order_id AS id",
    )
    .bind(order_id)
    .bind(state)
    .bind(json(&lines)?)
    .bind(json(&products)?);
    Ok(statement)
}

/// What became of an order's wish.
///
/// # Errors
/// The database failed.
pub(crate) async fn get(transaction: &mut Transaction, order_id: &str) -> sqlx::Result<Option<Outcome>> {
    let row = sqlx::query("SELECT state, lines, product_ids FROM reservations WHERE order_id = $1")
        .bind(order_id)
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The same, locked until the end of the transaction.
///
/// # Errors
/// The database failed.
pub(crate) async fn lock(transaction: &mut Transaction, order_id: &str) -> sqlx::Result<Option<Outcome>> {
    let statement = for_update!(
        transaction,
        "SELECT state, lines, product_ids FROM reservations WHERE order_id = $1"
    );
    let row = sqlx::query(statement)
        .bind(order_id)
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(read).transpose()
}

/// What an order has, has been given back. Its lines are kept, to be looked at.
///
/// # Errors
/// The database failed.
pub(crate) async fn release(transaction: &mut Transaction, order_id: &str) -> sqlx::Result<()> {
    sqlx::query("UPDATE reservations SET state = 'released' WHERE order_id = $1")
        .bind(order_id)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// What is set aside for an order is sold; false where nothing is.
///
/// # Errors
/// The database failed.
pub(crate) async fn sell(transaction: &mut Transaction, order_id: &str) -> sqlx::Result<bool> {
    let sold =
        sqlx::query("UPDATE reservations SET state = 'sold' WHERE order_id = $1 AND state = 'reserved'")
            .bind(order_id)
            .execute(&mut **transaction)
            .await?;
    Ok(sold.rows_affected() == 1)
}

fn read(row: &Row) -> sqlx::Result<Outcome> {
    let state: &str = row.try_get("state")?;
    Ok(match state {
        RESERVED => Outcome::Reserved(read_lines(row)?),
        SOLD => Outcome::Sold(read_lines(row)?),
        OUT => Outcome::OutOfStock(read_products(row)?),
        UNKNOWN => Outcome::UnknownProducts(read_products(row)?),
        RELEASED => Outcome::Released,
        other => return Err(wrong(format!("`{other}` is no state of a reservation"))),
    })
}

fn read_lines(row: &Row) -> sqlx::Result<Vec<PricedLine>> {
    let lines: Vec<StoredLine<'_>> = serde_json::from_str(row.try_get("lines")?).map_err(wrong)?;
    lines.into_iter().map(StoredLine::read).collect()
}

fn read_products(row: &Row) -> sqlx::Result<Vec<String>> {
    serde_json::from_str(row.try_get("product_ids")?).map_err(wrong)
}

fn json<T: Serialize>(value: &T) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// A line in the database: short names, as there are many. [`balance`](super::balance) reads them too.
#[derive(Serialize, Deserialize)]
struct StoredLine<'a> {
    #[serde(rename = "p")]
    product_id: &'a str,
    #[serde(rename = "q")]
    quantity: u32,
    #[serde(rename = "u")]
    unit_price: i64,
    #[serde(rename = "c")]
    currency: &'a str,
}

impl<'a> StoredLine<'a> {
    fn of(line: &'a PricedLine) -> StoredLine<'a> {
        StoredLine {
            product_id: &line.product_id,
            quantity: line.quantity,
            unit_price: line.unit_price.amount.minor(),
            currency: line.unit_price.currency.as_str(),
        }
    }

    fn read(self) -> sqlx::Result<PricedLine> {
        Ok(PricedLine {
            product_id: self.product_id.to_owned(),
            quantity: self.quantity,
            unit_price: price(self.unit_price, self.currency)?,
        })
    }
}
