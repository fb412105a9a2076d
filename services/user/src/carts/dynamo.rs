//! Carts in DynamoDB: the table `ecommerce-carts`, by user and product.
//!
//! A further item of each cart counts its changes: two that change it at once are told apart by it, so that a cart never holds
//! one product too many.

use std::time::Duration;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use service_common::dynamo::{
    CreateError, EXPIRES_AT, Item, Tables, now_ms, number, read_number, read_text, reason, seconds, text,
};
use service_common::failure::{Code, Failure};

use super::{CartItem, CartStore, MOST_LINES, full};
use crate::sessions::{Answer, after};

/// Without the prefix of all tables.
const TABLE: &str = "carts";
/// The key.
const USER: &str = "user_id";
const PRODUCT: &str = "product_id";
/// The item that counts changes: no product has this id.
const CHANGES: &str = "#changes";
/// How often a change is tried that others come before.
const ATTEMPTS: u32 = 20;
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// Keeps carts in a table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DynamoCarts {
    tables: Tables,
    table: String,
    kept_for: Duration,
}

/// A cart as it is at a moment.
struct Seen {
    items: Vec<CartItem>,
    changes: i64,
}

impl DynamoCarts {
    /// In the table `carts` of these; each item is kept for that long after it was last put there.
    #[must_use]
    pub fn new(tables: Tables, kept_for: Duration) -> DynamoCarts {
        let table = tables.name(TABLE);
        DynamoCarts {
            tables,
            table,
            kept_for,
        }
    }

    /// Makes the table: for development and tests.
    ///
    /// # Errors
    /// It is there already, or may not be made.
    pub async fn create_table(tables: &Tables) -> Result<(), CreateError> {
        tables.create(TABLE, USER, Some(PRODUCT)).await
    }

    async fn seen(&self, user_id: &str) -> Result<Seen, Failure> {
        let now = now_ms();
        let mut pages = self
            .tables
            .client()
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression(format!("{USER} = :user"))
            .expression_attribute_values(":user", text(user_id))
            .into_paginator()
            .items()
            .send();
        let mut seen = Seen {
            items: Vec::new(),
            changes: 0,
        };
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| failure(&reason(&error)))?;
            let product_id = read_text(&item, PRODUCT).unwrap_or_default();
            if product_id == CHANGES {
                seen.changes = read_number(&item, "changes").unwrap_or_default();
            } else if read_number(&item, "expires_at_ms").is_some_and(|end| end > now) {
                let quantity = read_number(&item, "quantity").and_then(|number| u32::try_from(number).ok());
                seen.items.push(CartItem {
                    product_id,
                    quantity: quantity.unwrap_or(1),
                });
            }
        }
        Ok(seen)
    }

    /// What puts the item and counts the change, if nobody has changed the cart since.
    fn change(&self, user_id: &str, seen: &Seen, item: Item) -> Result<[TransactWriteItem; 2], BuildError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .build()?;
        // Never forgotten by itself: it is one small item a user.
        let count = Update::builder()
            .table_name(&self.table)
            .key(USER, text(user_id))
            .key(PRODUCT, text(CHANGES))
            .update_expression("SET changes = :next")
            .condition_expression(match seen.changes {
                0 => format!("attribute_not_exists({USER})"),
                _ => "changes = :seen".to_owned(),
            })
            .expression_attribute_values(":next", number(seen.changes + 1));
        let count = match seen.changes {
            0 => count,
            seen => count.expression_attribute_values(":seen", number(seen)),
        };
        Ok([
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(count.build()?).build(),
        ])
    }

    async fn try_put(&self, user_id: &str, product_id: &str, quantity: u32) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            let seen = self.seen(user_id).await?;
            let others = seen.items.iter().filter(|item| item.product_id != product_id);
            if others.count() >= usize::try_from(MOST_LINES).unwrap_or(usize::MAX) {
                return Err(full());
            }
            let end = after(now_ms(), self.kept_for);
            let item = Item::from([
                (USER.to_owned(), text(user_id)),
                (PRODUCT.to_owned(), text(product_id)),
                ("quantity".to_owned(), number(i64::from(quantity))),
                ("expires_at_ms".to_owned(), number(end)),
                (EXPIRES_AT.to_owned(), number(seconds(end))),
            ]);
            let change = self.change(user_id, &seen, item).map_err(Failure::internal)?;
            let changed = self
                .tables
                .client()
                .transact_write_items()
                .set_transact_items(Some(change.into()))
                .send()
                .await;
            match changed {
                Ok(_) => return Ok(()),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|error| error.is_transaction_canceled_exception()) => {}
                Err(error) => return Err(failure(&reason(&error))),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Failure::new(
            Code::Contended,
            "the same was being changed by another call",
        ))
    }

    async fn try_remove(&self, user_id: &str, product_id: &str) -> Result<(), Failure> {
        let removed = self
            .tables
            .client()
            .delete_item()
            .table_name(&self.table)
            .key(USER, text(user_id))
            .key(PRODUCT, text(product_id))
            .send()
            .await;
        removed.map_err(|error| failure(&reason(&error)))?;
        Ok(())
    }
}

impl CartStore for DynamoCarts {
    fn get<'a>(&'a self, user_id: &'a str) -> Answer<'a, Vec<CartItem>> {
        Box::pin(async move { Ok(self.seen(user_id).await?.items) })
    }

    fn put<'a>(&'a self, user_id: &'a str, product_id: &'a str, quantity: u32) -> Answer<'a, ()> {
        Box::pin(self.try_put(user_id, product_id, quantity))
    }

    fn remove<'a>(&'a self, user_id: &'a str, product_id: &'a str) -> Answer<'a, ()> {
        Box::pin(self.try_remove(user_id, product_id))
    }

    /// DynamoDB forgets by itself.
    fn sweep(&self) -> Answer<'_, u64> {
        Box::pin(async { Ok(0) })
    }
}

fn failure(reason: &str) -> Failure {
    tracing::warn!(reason, "the table of carts does not answer");
    Failure::new(Code::Unavailable, "the carts cannot be reached")
}
