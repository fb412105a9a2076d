//! A catalogue to test with.

use std::time::Duration;

use product_service::store::{self, Balance};
use product_service::{Change, Details, Line, Price, Product, Products};
use service_common::database::{Database, DatabaseOptions};
use weir_proto::Money;

/// The database of a test, and what is kept in it.
pub(crate) struct Shop {
    pub(crate) database: Database,
    pub(crate) products: Products,
}

impl Shop {
    /// An empty one.
    pub(crate) async fn open(url: &str) -> Shop {
        let mut options = DatabaseOptions::of(url.parse().unwrap());
        // A busy machine is no fault of what is tested.
        options.acquire_timeout = Duration::from_secs(120);
        options.statement_timeout = Duration::from_secs(120);
        let database = Database::open(&options, store::OWNER, store::STEPS)
            .await
            .unwrap();
        Shop {
            products: Products::new(database.clone()),
            database,
        }
    }

    /// Makes a product of this name with this much of it.
    pub(crate) async fn has(&self, id: &str, stock: i64) -> Product {
        let product = self.products.put(&details(id)).await.unwrap();
        if stock == 0 {
            return product;
        }
        self.products
            .add_stock(&change(&format!("first-{id}"), id, stock))
            .await
            .unwrap()
    }

    /// How many of a product can be ordered.
    pub(crate) async fn stock(&self, id: &str) -> i64 {
        self.products.get(id).await.unwrap().stock
    }

    /// Where the stock of all products is; it must add up.
    pub(crate) async fn even_balance(&self) -> Vec<Balance> {
        let balances = store::balance(&self.database).await.unwrap();
        for balance in &balances {
            assert!(balance.is_even(), "{balance:?}");
        }
        balances
    }
}

pub(crate) fn details(id: &str) -> Details {
    Details {
        id: id.to_owned(),
        name: format!("The {id}"),
        description: "Good.".to_owned(),
        category: "things".to_owned(),
        price: dollars(1_000),
    }
}

pub(crate) fn dollars(minor: i64) -> Price {
    Price {
        amount: Money::from_minor(minor).unwrap(),
        currency: "USD".parse().unwrap(),
    }
}

pub(crate) fn change(id: &str, product_id: &str, change: i64) -> Change {
    Change {
        id: id.to_owned(),
        product_id: product_id.to_owned(),
        change,
    }
}

pub(crate) fn lines(wanted: &[(&str, u32)]) -> Vec<Line> {
    let line = |(product_id, quantity): &(&str, u32)| Line {
        product_id: (*product_id).to_owned(),
        quantity: *quantity,
    };
    wanted.iter().map(line).collect()
}
