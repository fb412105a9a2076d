//! What is there, set aside and sold is what was there at first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::shop::Tally;
use crate::shop::load::Answered;
use crate::shop::parts::Goods;
use crate::shop::settle::Books;

/// What was released comes back a moment after the order has ended.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(300);

pub(super) fn judge(goods: &Goods, answered: &Answered, books: &Books, tally: &mut Tally) -> Result<()> {
    let mut held: BTreeMap<&str, i64> = BTreeMap::new();
    for order in books.orders.values() {
        if matches!(order["status"].as_str(), Some("reserved" | "confirmed")) {
            for item in order["items"].as_array().into_iter().flatten() {
                let product = item["product_id"].as_str().unwrap_or_default();
                *held.entry(product).or_default() += item["quantity"].as_i64().unwrap_or_default();
            }
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut client = answered.clients.first().context("there is a client")?.clone();
    for (product, first) in goods.products.iter() {
        let held = held.get(product.as_str()).copied().unwrap_or_default();
        let path = format!("/api/v1/products/{product}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = runtime.block_on(client.ask("GET", &path, None, None))?;
            let left = shown.body["stock"]
                .as_i64()
                .with_context(|| format!("{shown:?}"))?;
            if left + held == *first {
                break;
            }
            if Instant::now() >= deadline {
                tally.fault(format!(
                    "{product}: {left} are left and orders hold {held} of {first}"
                ));
                break;
            }
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}
