//! Products, their stock and what orders have of it, in the database.
//!
//! Stock leaves a product in two ways only: by a change that is kept in `stock_changes`, or into a reservation. So at every
//! moment stock + reserved + sold = what was put in, for each product: see [`balance`].

mod balance;
pub(crate) mod changes;
pub(crate) mod images;
pub(crate) mod products;
pub(crate) mod reservations;

pub use balance::{Balance, balance};

use service_common::database::Step;
use sqlx::error::BoxDynError;
use weir_proto::Money;

use crate::product::Price;

/// The schema of this service.
pub const STEPS: &[Step] = &[
    Step {
        version: 1,
        description: "products and stock",
        sql: include_str!("../../migrations/0001_products.sql"),
    },
    Step {
        version: 2,
        description: "pictures",
        sql: include_str!("../../migrations/0002_images.sql"),
    },
];

/// The schema's name in PostgreSQL.
pub const OWNER: &str = "product_service";

/// A price that was stored.
fn price(amount: i64, currency: &str) -> sqlx::Result<Price> {
    Ok(Price {
        amount: Money::from_minor(amount).ok_or_else(|| wrong("a price is negative"))?,
        currency: currency.parse().map_err(wrong)?,
    })
}

/// What lies in the database is not what this service has put there.
fn wrong(error: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
