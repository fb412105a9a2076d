//! Orders that give their stock back, or sell it.

use product_service::Outcome;
use service_common::failure::Code;
use test_support::databases::on_each_database;

use crate::shop::{Shop, lines};

#[test]
fn what_was_set_aside_is_given_back_once() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 10).await;
        shop.has("b", 10).await;
        let wanted = lines(&[("b", 2), ("a", 1), ("b", 3)]);
        shop.products.reserve("ord_1", &wanted).await.unwrap();
        shop.products.reserve("ord_2", &wanted).await.unwrap();
        for _ in 0..2 {
            shop.products.release("ord_1").await.unwrap();
            assert_eq!((shop.stock("a").await, shop.stock("b").await), (9, 5));
        }
        assert_eq!(
            shop.products.reserve("ord_1", &wanted).await.unwrap(),
            Outcome::Released
        );
        assert_eq!(shop.stock("a").await, 9);
        shop.even_balance().await;
    });
}

#[test]
fn an_order_that_was_given_up_before_it_asked_gets_nothing() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 10).await;
        shop.products.release("ord_1").await.unwrap();
        for wanted in [lines(&[("a", 1)]), lines(&[("a", 100)]), lines(&[("x", 1)])] {
            let outcome = shop.products.reserve("ord_1", &wanted).await.unwrap();
            assert_eq!(outcome, Outcome::Released);
        }
        assert_eq!(shop.stock("a").await, 10);
    });
}

#[test]
fn what_is_sold_is_given_back_once() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 10).await;
        let wanted = lines(&[("a", 3)]);
        let reserved = shop.products.reserve("ord_1", &wanted).await.unwrap();
        for _ in 0..2 {
            shop.products.sell("ord_1").await.unwrap();
        }
        let balances = shop.even_balance().await;
        assert_eq!(
            (balances[0].stock, balances[0].reserved, balances[0].sold),
            (7, 0, 3)
        );
        let again = shop.products.reserve("ord_1", &wanted).await.unwrap();
        match (again, reserved) {
            (Outcome::Sold(sold), Outcome::Reserved(reserved)) => assert_eq!(sold, reserved),
            other => panic!("{other:?}"),
        }
        for _ in 0..2 {
            shop.products.release("ord_1").await.unwrap();
            // Late, and of no effect.
            shop.products.sell("ord_1").await.unwrap();
        }
        let balances = shop.even_balance().await;
        assert_eq!((balances[0].stock, balances[0].sold), (10, 0));
    });
}

#[test]
fn an_order_that_was_refused_its_stock_has_none_to_sell_or_to_give_back() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 1).await;
        let wanted = lines(&[("a", 2)]);
        shop.products.reserve("ord_1", &wanted).await.unwrap();
        assert_eq!(
            shop.products.sell("ord_1").await.unwrap_err().code,
            Code::OrderState
        );
        assert_eq!(
            shop.products.sell("ord_2").await.unwrap_err().code,
            Code::NotFound
        );
        shop.products.release("ord_1").await.unwrap();
        assert_eq!(
            shop.products.reserve("ord_1", &wanted).await.unwrap(),
            Outcome::Released
        );
        assert_eq!(shop.stock("a").await, 1);
    });
}
