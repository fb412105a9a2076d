//! Orders that ask for their stock.

use product_service::{Change, Outcome, PricedLine};
use test_support::databases::on_each_database;

use crate::shop::{Shop, details, dollars, lines};

fn priced(wanted: &[(&str, u32)]) -> Vec<PricedLine> {
    let line = |(product_id, quantity): &(&str, u32)| PricedLine {
        product_id: (*product_id).to_owned(),
        quantity: *quantity,
        unit_price: dollars(1_000),
    };
    wanted.iter().map(line).collect()
}

#[test]
fn an_order_that_asks_again_is_told_the_same_and_takes_nothing_more() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 10).await;
        shop.has("b", 10).await;
        // In the sequence of its lines, each as it stands.
        let wanted = [("b", 2), ("a", 1), ("b", 3)];
        let first = shop.products.reserve("ord_1", &lines(&wanted)).await.unwrap();
        assert_eq!(first, Outcome::Reserved(priced(&wanted)));
        // Another price, and less in stock than the order has.
        let mut told = details("b");
        told.price = dollars(7);
        shop.products.put(&told).await.unwrap();
        let all_of_b = lines(&[("b", 5)]);
        shop.products.reserve("ord_2", &all_of_b).await.unwrap();
        for again in [lines(&wanted), lines(&[("a", 1)]), lines(&[("x", 1)]), all_of_b] {
            assert_eq!(shop.products.reserve("ord_1", &again).await.unwrap(), first);
        }
        assert_eq!((shop.stock("a").await, shop.stock("b").await), (9, 0));
        shop.even_balance().await;
    });
}

#[test]
fn an_order_that_cannot_have_all_gets_nothing() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        for (id, stock) in [("a", 10), ("b", 1), ("c", 10), ("d", 0)] {
            shop.has(id, stock).await;
        }
        let wanted = lines(&[("d", 1), ("a", 1), ("b", 1), ("c", 1), ("b", 1)]);
        let out = Outcome::OutOfStock(vec!["b".to_owned(), "d".to_owned()]);
        assert_eq!(shop.products.reserve("ord_1", &wanted).await.unwrap(), out);
        // Of a product in several lines, the sum counts.
        assert_eq!(
            shop.stock("a").await + shop.stock("b").await + shop.stock("c").await,
            21
        );
        // There is enough now; but the order was told.
        for id in ["b", "d"] {
            let more = Change {
                id: format!("more-{id}"),
                product_id: id.to_owned(),
                change: 100,
            };
            shop.products.add_stock(&more).await.unwrap();
        }
        assert_eq!(shop.products.reserve("ord_1", &wanted).await.unwrap(), out);
        assert_eq!(shop.stock("d").await, 100);
        shop.even_balance().await;
    });
}

#[test]
fn products_that_do_not_exist_are_told_and_nothing_is_taken() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("b", 10).await;
        let wanted = lines(&[("x", 1), ("b", 1), ("a", 1), ("x", 2)]);
        let unknown = Outcome::UnknownProducts(vec!["a".to_owned(), "x".to_owned()]);
        assert_eq!(shop.products.reserve("ord_1", &wanted).await.unwrap(), unknown);
        shop.has("a", 10).await;
        shop.has("x", 10).await;
        assert_eq!(shop.products.reserve("ord_1", &wanted).await.unwrap(), unknown);
        assert_eq!(shop.stock("b").await, 10);
    });
}

#[test]
fn an_order_of_many_lines_is_set_aside_as_a_whole() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        let ids: Vec<String> = (0..100).map(|n| format!("p-{n}")).collect();
        for id in &ids {
            shop.has(id, 2).await;
        }
        let wanted: Vec<_> = ids.iter().map(|id| (id.as_str(), 2)).collect();
        let outcome = shop.products.reserve("ord_1", &lines(&wanted)).await.unwrap();
        assert_eq!(outcome, Outcome::Reserved(priced(&wanted)));
        for balance in shop.even_balance().await {
            assert_eq!((balance.stock, balance.reserved), (0, 2), "{balance:?}");
        }
    });
}

#[test]
fn many_orders_at_once_never_get_more_than_there_is() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 20).await;
        shop.has("b", 31).await;
        let orders = (0..50).map(|n| {
            let products = shop.products.clone();
            // Half of them name the products the other way round.
            let wanted = match n % 2 {
                0 => lines(&[("a", 1), ("b", 1)]),
                _ => lines(&[("b", 1), ("a", 1)]),
            };
            tokio::spawn(async move { products.reserve(&format!("ord_{n}"), &wanted).await })
        });
        let mut taken = 0;
        for outcome in futures::future::join_all(orders).await {
            match outcome.unwrap().unwrap() {
                Outcome::Reserved(_) => taken += 1,
                Outcome::OutOfStock(short) => assert_eq!(short, ["a"]),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(taken, 20);
        assert_eq!((shop.stock("a").await, shop.stock("b").await), (0, 11));
        shop.even_balance().await;
    });
}

#[test]
fn an_order_that_is_asked_for_by_several_at_once_is_set_aside_once() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        shop.has("a", 7).await;
        for order in 0..5 {
            let askers = (0..10).map(|_| {
                let products = shop.products.clone();
                tokio::spawn(async move {
                    products
                        .reserve(&format!("ord_{order}"), &lines(&[("a", 2)]))
                        .await
                })
            });
            let mut outcomes: Vec<_> = futures::future::join_all(askers)
                .await
                .into_iter()
                .map(|outcome| outcome.unwrap().unwrap())
                .collect();
            outcomes.dedup();
            let expected = match order {
                0..3 => Outcome::Reserved(priced(&[("a", 2)])),
                _ => Outcome::OutOfStock(vec!["a".to_owned()]),
            };
            assert_eq!(outcomes, [expected], "order {order}");
        }
        assert_eq!(shop.stock("a").await, 1);
        shop.even_balance().await;
    });
}
