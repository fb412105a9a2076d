//! The core of the service: the catalogue. The other half is in `stock.rs`.

use service_common::database::Database;
use service_common::failure::{Code, Failure};

use crate::cursor::Cursor;
use crate::product::{Details, Product, Search, Start};
use crate::store::products;

/// All products and their stock. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Products {
    pub(crate) database: Database,
}

/// A page of products, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the sequence in which they were made.
    pub products: Vec<Product>,
    /// `None` on the last page.
    pub next: Option<Cursor>,
}

impl Products {
    /// In this database, which has the schema [`STEPS`](crate::store::STEPS).
    #[must_use]
    pub fn new(database: Database) -> Products {
        Products { database }
    }

    /// A product.
    ///
    /// # Errors
    /// `not_found`, or the database failed.
    pub async fn get(&self, id: &str) -> Result<Product, Failure> {
        products::get(&self.database, id).await?.ok_or_else(not_found)
    }

    /// At most `limit` products.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(&self, start: Start, limit: usize) -> Result<Page, Failure> {
        let found = products::list(&self.database, start, one_more(limit)).await?;
        Ok(page(found, limit))
    }

    /// How many products there are.
    ///
    /// # Errors
    /// The database failed.
    pub async fn count(&self) -> Result<u64, Failure> {
        let count = products::count(&self.database).await?;
        u64::try_from(count).map_err(Failure::internal)
    }

    /// At most `limit` of the products looked for.
    ///
    /// # Errors
    /// The database failed.
    pub async fn search(&self, search: &Search, limit: usize) -> Result<Page, Failure> {
        let found = products::search(&self.database, search, one_more(limit)).await?;
        Ok(page(found, limit))
    }

    /// Makes a product, without stock, or changes what is told of it; its stock is left alone.
    ///
    /// # Errors
    /// The database failed.
    pub async fn put(&self, details: &Details) -> Result<Product, Failure> {
        let mut transaction = self.database.begin().await?;
        let product = products::put(&mut transaction, details).await?;
        transaction.commit().await?;
        Ok(product)
    }
}

pub(crate) fn not_found() -> Failure {
    Failure::new(Code::NotFound, "there is no product of this id")
}

/// One more than the page takes, to know whether there is another page.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit + 1).unwrap_or(i64::MAX)
}

fn page(mut found: Vec<Product>, limit: usize) -> Page {
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    Page {
        next: last.map(|product| Cursor::behind(product.position)),
        products: found,
    }
}
