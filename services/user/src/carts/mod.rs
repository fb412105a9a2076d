//! Carts: what a user means to order, kept for a month; in the service's database, or in DynamoDB.

mod database;
#[cfg(feature = "dynamodb")]
mod dynamo;

use std::sync::Arc;
use std::time::Duration;

use service_common::database::Database;
use service_common::failure::Failure;

pub use database::DatabaseCarts;
#[cfg(feature = "dynamodb")]
pub use dynamo::DynamoCarts;

use crate::sessions::Answer;

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

/// Keeps carts. What has run out is not there, whether or not it was forgotten yet, and takes no room.
pub trait CartStore: Send + Sync {
    /// What lies in a user's cart, by product id.
    fn get<'a>(&'a self, user_id: &'a str) -> Answer<'a, Vec<CartItem>>;

    /// Puts a product into a user's cart, or changes how many of it lie there; refused where the cart is full.
    fn put<'a>(&'a self, user_id: &'a str, product_id: &'a str, quantity: u32) -> Answer<'a, ()>;

    /// Takes a product out of a user's cart. Where it does not lie there nothing changes.
    fn remove<'a>(&'a self, user_id: &'a str, product_id: &'a str) -> Answer<'a, ()>;

    /// Forgets what was kept long enough; gives how many items.
    fn sweep(&self) -> Answer<'_, u64>;
}

/// All carts. Cheap to clone.
#[derive(Clone)]
pub struct Carts(Arc<dyn CartStore>);

impl Carts {
    /// Those in a database; each item is kept for that long after it was last put there.
    #[must_use]
    pub fn new(database: Database, kept_for: Duration) -> Carts {
        Carts::kept_in(Arc::new(DatabaseCarts::new(database, kept_for)))
    }

    /// Those in this store.
    #[must_use]
    pub fn kept_in(store: Arc<dyn CartStore>) -> Carts {
        Carts(store)
    }

    /// What lies in a user's cart, by product id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn get(&self, user_id: &str) -> Result<Vec<CartItem>, Failure> {
        self.0.get(user_id).await
    }

    /// Puts a product into a user's cart, or changes how many of it lie there.
    ///
    /// # Errors
    /// The cart is full, or there is no such user.
    pub async fn put(&self, user_id: &str, product_id: &str, quantity: u32) -> Result<(), Failure> {
        self.0.put(user_id, product_id, quantity).await
    }

    /// Takes a product out of a user's cart. Where it does not lie there nothing changes.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove(&self, user_id: &str, product_id: &str) -> Result<(), Failure> {
        self.0.remove(user_id, product_id).await
    }

    /// Forgets what was kept long enough; gives how many items.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep(&self) -> Result<u64, Failure> {
        self.0.sweep().await
    }
}

/// The refusal of one product too many.
fn full() -> Failure {
    let fault = format!("the cart holds {MOST_LINES} other products already");
    Failure::field("product_id", fault)
}
