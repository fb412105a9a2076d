//! An order that owns its texts, for those who make orders.

use super::general::{self, Outcome};
use super::{OrderError, OrderWriter};
use crate::field::{Fault, Field};
use crate::{Money, Timestamp};

/// An order with its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The id of the order: 1 to 256 bytes.
    pub order_id: String,
    /// Who ordered: 1 to 256 bytes.
    pub user_id: String,
    /// Three upper-case letters.
    pub currency: String,
    /// The amount of the order.
    pub total_amount: Money,
    /// One item or more.
    pub items: Vec<Item>,
    /// Event time, the years 1970 to 9998.
    pub created_at: Timestamp,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The id of the product: 1 to 256 bytes.
    pub product_id: String,
    /// How many of it: 1 or more.
    pub quantity: i64,
    /// The price of one.
    pub unit_price: Money,
}

impl Order {
    /// The order as the value of a record.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(320);
        self.write_to(&mut out);
        out
    }

    /// Appends the order as the value of a record.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut writer = OrderWriter::new(
            out,
            &self.order_id,
            &self.user_id,
            &self.currency,
            self.total_amount,
        );
        for item in &self.items {
            writer.item(&item.product_id, item.quantity, item.unit_price);
        }
        writer.finish(self.created_at);
    }

    /// Reads an order with its items.
    ///
    /// # Errors
    /// Those of [`super::read`], and an event of another type.
    pub fn from_json(value: &[u8]) -> Result<Self, OrderError> {
        let mut items = Vec::new();
        let outcome = general::read(value, |item| {
            items.push(Item {
                product_id: item.product_id.into_owned(),
                quantity: item.quantity,
                unit_price: item.unit_price,
            });
        })
        .map_err(|error| *error)?;
        let order = match outcome {
            Outcome::Order(order) => order,
            Outcome::OtherType { offset } => {
                return Err(OrderError {
                    field: Field::Named("event_type"),
                    fault: Fault::OtherType,
                    offset,
                });
            }
        };
        Ok(Self {
            order_id: order.order_id.into_owned(),
            user_id: order.user_id.into_owned(),
            currency: order.currency.into_owned(),
            total_amount: order.total_amount,
            items,
            created_at: order.created_at,
        })
    }
}
