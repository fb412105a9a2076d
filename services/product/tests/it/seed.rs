//! The small catalogue.

use product_service::{Images, Start, seed};
use service_common::files::Files;
use test_support::databases::on_each_database;

use crate::shop::{Shop, change, details};

#[test]
fn the_small_catalogue_is_put_in_once_and_leaves_what_was_changed() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        let images = Images::new(shop.database.clone(), Files::open("memory:").unwrap());
        seed(&shop.products, &images).await.unwrap();
        let all = shop.products.list(Start::Skip(0), 100).await.unwrap().products;
        assert_eq!(all.len(), 24);
        for product in &all {
            assert!(product.stock > 0, "{product:?}");
        }
        shop.products.put(&details("kb-1")).await.unwrap();
        shop.products.add_stock(&change("c-1", "kb-1", -1)).await.unwrap();
        let changed = shop.products.list(Start::Skip(0), 100).await.unwrap();
        seed(&shop.products, &images).await.unwrap();
        assert_eq!(shop.products.list(Start::Skip(0), 100).await.unwrap(), changed);
        shop.even_balance().await;
    });
}
