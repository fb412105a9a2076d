//! No stock is lost, whatever happens at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use product_service::Outcome;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use service_common::failure::Code;
use test_support::databases::on_each_database;

use crate::model::any_lines;
use crate::shop::{Shop, change};

const WORKERS: u64 = 6;
const STEPS: u32 = 60;
/// Few, so that several are often at the same order.
const ORDERS: u32 = 30;

#[test]
fn stock_adds_up_at_every_moment_while_orders_ask_sell_and_give_back_at_once() {
    on_each_database(async |url| {
        let shop = Arc::new(Shop::open(&url).await);
        for id in ["a", "b", "c"] {
            shop.has(id, 40).await;
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let watcher = {
            let (shop, is_over) = (Arc::clone(&shop), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    shop.even_balance().await;
                    tokio::task::yield_now().await;
                }
            })
        };
        let workers = (0..WORKERS).map(|seed| tokio::spawn(work(Arc::clone(&shop), seed)));
        for worker in futures::future::join_all(workers).await {
            worker.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        watcher.await.unwrap();
        for n in 0..ORDERS {
            shop.products.release(&format!("ord_{n}")).await.unwrap();
        }
        for balance in shop.even_balance().await {
            assert_eq!(balance.stock, balance.put_in, "{balance:?}");
        }
    });
}

async fn work(shop: Arc<Shop>, seed: u64) {
    let mut random = SmallRng::seed_from_u64(seed);
    for step in 0..STEPS {
        let order_id = format!("ord_{}", random.random_range(0..ORDERS));
        match random.random_range(0..12) {
            0..6 => {
                let outcome = shop
                    .products
                    .reserve(&order_id, &any_lines(&mut random))
                    .await
                    .unwrap();
                if let Outcome::Reserved(lines) = outcome {
                    assert!(!lines.is_empty());
                }
            }
            6..8 => shop.products.release(&order_id).await.unwrap(),
            8..11 => match shop.products.sell(&order_id).await {
                Ok(()) => {}
                // It has nothing to sell, or has it only since a moment ago.
                Err(failure)
                    if [Code::NotFound, Code::OrderState, Code::Contended].contains(&failure.code) => {}
                Err(failure) => panic!("{failure:?}"),
            },
            _ => {
                let more = random.random_range(-3..=3);
                let change = change(&format!("chg_{seed}_{step}"), "b", more);
                match shop.products.add_stock(&change).await {
                    Ok(_) => {}
                    Err(failure) if failure.code == Code::OutOfStock => {}
                    Err(failure) => panic!("{failure:?}"),
                }
            }
        }
    }
}
