//! The catalogue.

use product_service::{Cursor, Page, Start};
use service_common::failure::Code;
use test_support::databases::on_each_database;

use crate::shop::{Shop, details, dollars};

fn ids(page: &Page) -> Vec<&str> {
    page.products
        .iter()
        .map(|product| product.details.id.as_str())
        .collect()
}

#[test]
fn a_product_is_read_as_it_was_put() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        let mut told = details("kb-1");
        told.name = "Größe \"XL\" — 50 % 'off'".to_owned();
        told.description = "é\n\t\\ 日本語 🙂".to_owned();
        let put = shop.products.put(&told).await.unwrap();
        assert_eq!((&put.details, put.stock), (&told, 0));
        assert_eq!(shop.products.get("kb-1").await.unwrap(), put);
        let missing = shop.products.get("kb-2").await.unwrap_err();
        assert_eq!(missing.code, Code::NotFound);
    });
}

#[test]
fn a_product_that_is_put_again_keeps_its_stock_and_its_place() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        let first = shop.has("a", 5).await;
        shop.has("b", 0).await;
        let mut told = details("a");
        told.price = dollars(7);
        let again = shop.products.put(&told).await.unwrap();
        assert_eq!((again.stock, again.position), (5, first.position));
        assert_eq!(again.details.price, dollars(7));
        assert_eq!(shop.products.count().await.unwrap(), 2);
    });
}

#[test]
fn a_product_that_several_make_at_once_is_made_once() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        let puts = (0..10).map(|n| {
            let products = shop.products.clone();
            tokio::spawn(async move { products.put(&details(["a", "b"][n % 2])).await })
        });
        for put in futures::future::join_all(puts).await {
            put.unwrap().unwrap();
        }
        assert_eq!(shop.products.count().await.unwrap(), 2);
    });
}

#[test]
fn pages_give_every_product_once_in_the_sequence_of_making() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        // Not in the sequence of the ids.
        for id in ["c", "a", "e", "b", "d"] {
            shop.has(id, 0).await;
        }
        let first = shop.products.list(Start::Skip(0), 2).await.unwrap();
        assert_eq!(ids(&first), ["c", "a"]);
        let second = shop
            .products
            .list(Start::Behind(first.next.unwrap()), 2)
            .await
            .unwrap();
        assert_eq!(ids(&second), ["e", "b"]);
        let last = shop
            .products
            .list(Start::Behind(second.next.unwrap()), 2)
            .await
            .unwrap();
        assert_eq!((ids(&last), last.next), (vec!["d"], None));
        let skipped = shop.products.list(Start::Skip(3), 2).await.unwrap();
        assert_eq!((ids(&skipped), skipped.next), (vec!["b", "d"], None));
        let beyond = shop.products.list(Start::Skip(5), 2).await.unwrap();
        assert_eq!((ids(&beyond), beyond.next), (vec![], None));
        let beyond = shop.products.list(Start::Skip(u32::MAX), 2).await.unwrap();
        assert!(beyond.products.is_empty());
    });
}

#[test]
fn products_that_are_made_meanwhile_shift_no_page() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        for n in 0..6 {
            shop.has(&format!("m-{n}"), 0).await;
        }
        let mut by_cursor = Vec::new();
        let mut by_number = Vec::new();
        let mut cursor = Some(Cursor::START);
        while let Some(start) = cursor {
            let page = shop.products.list(Start::Behind(start), 2).await.unwrap();
            by_cursor.extend(page.products.into_iter().map(|product| product.details.id));
            cursor = page.next;
            let skip = u32::try_from(by_number.len()).unwrap();
            let page = shop.products.list(Start::Skip(skip), 2).await.unwrap();
            by_number.extend(page.products.into_iter().map(|product| product.details.id));
            // An id that is sorted before all others.
            if by_cursor.len() < 6 {
                shop.has(&format!("a-{}", by_cursor.len()), 0).await;
            }
        }
        assert_eq!(
            by_cursor,
            ["m-0", "m-1", "m-2", "m-3", "m-4", "m-5", "a-2", "a-4"]
        );
        assert_eq!(by_number, by_cursor);
    });
}
