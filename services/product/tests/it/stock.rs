//! Stock that is changed by hand.

use service_common::failure::Code;
use test_support::databases::on_each_database;

use crate::shop::{Shop, change};

#[test]
fn a_change_is_made_once_under_its_id() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 5).await;
        shop.has("b", 0).await;
        for _ in 0..2 {
            let product = shop.products.add_stock(&change("c-1", "a", 3)).await.unwrap();
            assert_eq!(product.stock, 8);
        }
        for other in [change("c-1", "a", 4), change("c-1", "b", 3)] {
            let failure = shop.products.add_stock(&other).await.unwrap_err();
            assert_eq!(failure.code, Code::KeyReused);
        }
        let balances = shop.even_balance().await;
        assert_eq!(
            balances.iter().map(|balance| balance.put_in).collect::<Vec<_>>(),
            [8, 0]
        );
    });
}

#[test]
fn stock_is_never_taken_below_zero() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 5).await;
        let failure = shop
            .products
            .add_stock(&change("c-1", "a", -6))
            .await
            .unwrap_err();
        assert_eq!(failure.code, Code::OutOfStock);
        assert_eq!(shop.stock("a").await, 5);
        // A change that was refused was not made: its id is free.
        let product = shop.products.add_stock(&change("c-1", "a", -5)).await.unwrap();
        assert_eq!(product.stock, 0);
        shop.even_balance().await;
    });
}

#[test]
fn stock_of_no_product_and_too_much_stock_are_refused() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 1).await;
        let failure = shop.products.add_stock(&change("c-1", "x", 6)).await.unwrap_err();
        assert_eq!(failure.code, Code::NotFound);
        let failure = shop
            .products
            .add_stock(&change("c-1", "a", i64::MAX - 1))
            .await
            .unwrap_err();
        assert_eq!(failure.code, Code::Invalid);
        assert_eq!(shop.stock("a").await, 1);
    });
}

#[test]
fn a_change_that_several_ask_for_at_once_is_made_once() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 0).await;
        let changes = (0..10).map(|n| {
            let products = shop.products.clone();
            tokio::spawn(async move { products.add_stock(&change(["c-1", "c-2"][n % 2], "a", 10)).await })
        });
        for changed in futures::future::join_all(changes).await {
            changed.unwrap().unwrap();
        }
        assert_eq!(shop.stock("a").await, 20);
        shop.even_balance().await;
    });
}
