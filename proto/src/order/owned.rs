//! An order that owns its texts, for those who make orders.

use super::general::{self, Outcome};
use super::{OrderError, OrderWriter};
use crate::field::{Fault, Field};
use crate::{Money, Timestamp};

/// An order with its items. It cannot be wrong: what one holds, [`super::read`] takes.
///
/// # Examples
/// ```
/// use weir_proto::{Item, Money, Order, Timestamp};
///
/// let item = |quantity| Item { product_id: "kb-1".into(), quantity, unit_price: Money::default() };
/// let order = |items| {
///     Order::new("o-1".into(), "u-17".into(), "USD".into(), Money::default(), items, Timestamp::FIRST)
/// };
/// assert!(order(vec![item(2)]).is_ok());
/// let error = order(vec![item(0)]).unwrap_err();
/// assert!(error.to_string().starts_with("items[0].quantity: `0` is not between 1 and"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    order_id: String,
    user_id: String,
    currency: String,
    total_amount: Money,
    items: Vec<Item>,
    created_at: Timestamp,
}

/// One line of an order, as it is put into an [`Order`], which judges it.
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
    /// An order of its parts.
    ///
    /// The reader itself judges what would be written, so that there is one list of rules.
    ///
    /// # Errors
    /// What [`super::read`] would say of it; the byte offset is that in [`Self::to_json`].
    pub fn new(
        order_id: String,
        user_id: String,
        currency: String,
        total_amount: Money,
        items: Vec<Item>,
        created_at: Timestamp,
    ) -> Result<Self, OrderError> {
        let order = Self {
            order_id,
            user_id,
            currency,
            total_amount,
            items,
            created_at,
        };
        super::read(&order.to_json())?;
        Ok(order)
    }

    /// The id of the order: 1 to 256 bytes.
    #[must_use]
    pub fn order_id(&self) -> &str {
        &self.order_id
    }

    /// Who ordered: 1 to 256 bytes.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Three upper-case letters.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The amount of the order.
    #[must_use]
    pub const fn total_amount(&self) -> Money {
        self.total_amount
    }

    /// One item or more.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Event time, the years 1970 to 9998.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

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
