//! The core of the service: the stock.
//!
//! An order asks for its stock under its own id, and the answer is stored with that id in the transaction that takes the
//! stock: asked again, by whomever and however late, the service answers the same and takes nothing. What an order had is
//! given back once. An order that was given up before it asked has a row as well, so that it gets nothing when it does.
//!
//! Whoever changes several rows locks an order's row first and then the products sorted by id, so no two wait for each other.

use std::collections::HashSet;

use service_common::database::Row;
use service_common::failure::{Code, Failure};
use sqlx::Row as _;

use crate::catalogue::{Products, not_found};
use crate::product::{Change, Product};
use crate::reservation::{Line, Outcome, PricedLine, sums};
use crate::store::{changes, products, reservations};

/// The most of one product that can be in stock: far from where numbers end, so that what is given back never overflows.
pub(crate) const MOST_STOCK: i64 = 1_000_000_000_000;

/// Why an order's stock was not taken.
enum Untaken {
    /// There is too little of these products by now, or somebody has asked for the same order meanwhile.
    Short(Vec<String>),
    /// Whether it was taken is not known.
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for Untaken {
    fn from(error: sqlx::Error) -> Untaken {
        Untaken::Failed(error)
    }
}

impl Products {
    /// Changes a product's stock by hand, once for each id of a change; asked again, changes nothing.
    ///
    /// # Errors
    /// `not_found`, `out_of_stock` where there is less than is to be taken, `idempotency_key_reused` where the id stands for
    /// another change, or the database failed.
    pub async fn add_stock(&self, change: &Change) -> Result<Product, Failure> {
        let mut transaction = self.database.begin().await?;
        if !changes::insert(&mut transaction, change).await? {
            let made = changes::get(&mut transaction, &change.id).await?;
            if made != *change {
                let detail = "this change_id stands for another change";
                return Err(Failure::new(Code::KeyReused, detail));
            }
            transaction.rollback().await?;
            return self.get(&change.product_id).await;
        }
        let changed =
            products::change_stock(&mut transaction, &change.product_id, change.change, MOST_STOCK).await?;
        let Some(product) = changed else {
            transaction.rollback().await?;
            return Err(self.cannot_change(change).await?);
        };
        transaction.commit().await?;
        Ok(product)
    }

    /// Why a product's stock cannot be changed.
    async fn cannot_change(&self, change: &Change) -> Result<Failure, Failure> {
        let product = products::get(&self.database, &change.product_id).await?;
        let Some(product) = product else {
            return Ok(not_found());
        };
        if change.change > 0 {
            let fault = format!("the stock would be more than {MOST_STOCK}");
            return Ok(Failure::field("change", fault));
        }
        let detail = format!("there are only {} of {}", product.stock, change.product_id);
        Ok(Failure::new(Code::OutOfStock, detail))
    }

    /// Sets stock aside for an order: all lines or none. Asked again for the same order, gives the same answer, whatever the
    /// lines.
    ///
    /// # Errors
    /// The database failed: whether anything was set aside is not known; ask again.
    pub async fn reserve(&self, order_id: &str, lines: &[Line]) -> Result<Outcome, Failure> {
        let wanted = sums(lines.iter().map(|line| (line.product_id.as_str(), line.quantity)));
        // Before the transaction: a price of a moment ago is one that the customer was shown.
        let offers = products::offers(&self.database, wanted.keys().copied()).await?;
        let mut unknown = Vec::new();
        let mut priced = Vec::with_capacity(lines.len());
        for line in lines {
            match offers.get(&line.product_id) {
                Some(offer) => priced.push(PricedLine {
                    product_id: line.product_id.clone(),
                    quantity: line.quantity,
                    unit_price: offer.price,
                }),
                None => unknown.push(line.product_id.clone()),
            }
        }
        if !unknown.is_empty() {
            unknown.sort_unstable();
            unknown.dedup();
            return self.decide(order_id, Outcome::UnknownProducts(unknown)).await;
        }
        let is_short =
            |(id, quantity): &(&&str, &i64)| offers.get(**id).is_none_or(|offer| offer.stock < **quantity);
        let short: Vec<String> = wanted
            .iter()
            .filter(is_short)
            .map(|(id, _)| (*id).to_owned())
            .collect();
        if !short.is_empty() {
            return self.decide(order_id, Outcome::OutOfStock(short)).await;
        }
        let reserved = Outcome::Reserved(priced);
        let mut statements = vec![reservations::insert(order_id, &reserved)?];
        statements.extend(wanted.iter().map(|(id, quantity)| products::take(id, *quantity)));
        let ids: Vec<String> = wanted.keys().map(|id| (*id).to_owned()).collect();
        let decide = move |rows: &[Row]| Ok((Vec::new(), all_taken(rows, &ids)?));
        match self.database.transact(order_id, statements, decide).await {
            Ok(_) => Ok(reserved),
            // What was taken has gone back.
            Err(Untaken::Short(short)) => self.decide(order_id, Outcome::OutOfStock(short)).await,
            Err(Untaken::Failed(error)) => Err(error.into()),
        }
    }

    /// Stores what becomes of an order that gets nothing, unless somebody has decided meanwhile; gives what counts.
    async fn decide(&self, order_id: &str, outcome: Outcome) -> Result<Outcome, Failure> {
        let inserted = reservations::insert(order_id, &outcome)?;
        let (mut transaction, rows) = self.database.begin_with(vec![inserted]).await?;
        if !rows.is_empty() {
            transaction.commit().await?;
            return Ok(outcome);
        }
        let decided = reservations::get(&mut transaction, order_id).await?;
        decided.ok_or_else(|| missing(order_id))
    }

    /// Gives back what an order has, reserved or sold. From then on it gets nothing, even if it has not asked yet. Asked
    /// again, changes nothing.
    ///
    /// # Errors
    /// The database failed: whether it was given back is not known; ask again.
    pub async fn release(&self, order_id: &str) -> Result<(), Failure> {
        let inserted = reservations::insert(order_id, &Outcome::Released)?;
        let (mut transaction, rows) = self.database.begin_with(vec![inserted]).await?;
        if !rows.is_empty() {
            transaction.commit().await?;
            return Ok(());
        }
        let found = reservations::lock(&mut transaction, order_id).await?;
        match found.ok_or_else(|| missing(order_id))? {
            Outcome::Released => return Ok(()),
            Outcome::Reserved(lines) | Outcome::Sold(lines) => {
                let had = sums(lines.iter().map(|line| (line.product_id.as_str(), line.quantity)));
                for (product_id, quantity) in had {
                    products::give_back(&mut transaction, product_id, quantity).await?;
                }
            }
            Outcome::OutOfStock(_) | Outcome::UnknownProducts(_) => {}
        }
        reservations::release(&mut transaction, order_id).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What is set aside for an order is sold. Asked again, or after it was given back, changes nothing.
    ///
    /// # Errors
    /// `order_state` where the order was refused its stock, `not_found` where it never asked; or the database failed.
    pub async fn sell(&self, order_id: &str) -> Result<(), Failure> {
        let mut transaction = self.database.begin().await?;
        if reservations::sell(&mut transaction, order_id).await? {
            transaction.commit().await?;
            return Ok(());
        }
        match reservations::get(&mut transaction, order_id).await? {
            Some(Outcome::Sold(_) | Outcome::Released) => Ok(()),
            // Only where it was not yet committed a moment ago.
            Some(Outcome::Reserved(_)) => Err(Failure::new(
                Code::Contended,
                "the order was just taken; try again",
            )),
            Some(Outcome::OutOfStock(_) | Outcome::UnknownProducts(_)) => {
                Err(Failure::new(Code::OrderState, "the order has no stock"))
            }
            None => Err(Failure::new(Code::NotFound, "the order has asked for no stock")),
        }
    }
}

/// Whether an order's row was stored and all its products were taken from, by the rows of that.
fn all_taken(rows: &[Row], products: &[String]) -> Result<(), Untaken> {
    if rows.len() == 1 + products.len() {
        return Ok(());
    }
    let done = rows.iter().map(|row| row.try_get("id"));
    let done: HashSet<String> = done.collect::<sqlx::Result<_>>()?;
    let short = products.iter().filter(|id| !done.contains(*id));
    Err(Untaken::Short(short.cloned().collect()))
}

/// Rows of orders are never deleted.
fn missing(order_id: &str) -> Failure {
    Failure::internal(format!("what became of the stock of order {order_id} is missing"))
}
