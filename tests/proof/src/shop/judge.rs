//! What must hold: answers, orders, events, money, stock and windows against each other.

mod analytics;
mod events;
mod money;
mod stock;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Tally;
use super::load::{Answered, ORDERS, PAYMENTS};
use super::parts::{Goods, Shop};
use super::settle::Books;

/// Judges a shop that has settled, and closes it.
///
/// # Errors
/// Something cannot be read.
pub(super) fn judge(
    shop: &mut Shop,
    goods: &Goods,
    answered: &Answered,
    books: &Books,
    tally: &mut Tally,
) -> Result<()> {
    for order in books.orders.values() {
        let status = order["status"].as_str().unwrap_or_default().to_owned();
        *tally.states.entry(status).or_default() += 1;
    }
    each_answer_has_its_order(answered, books, tally);
    events::judge(books, tally);
    money::judge(answered, books, tally);
    stock::judge(goods, answered, books, tally)?;
    each_key_has_one_answer(answered, tally)?;
    shop.close_the_windows()?;
    analytics::judge(answered, books, tally)?;
    shop.stop_services()?;
    windows::judge(shop, books, tally)?;
    for complaint in shop.complaints() {
        tally.fault(complaint);
    }
    if tally.holds() {
        shop.delete_topics()?;
    }
    Ok(())
}

/// Every 201 has one order, every order that was taken has one 201, and it is what was asked for.
fn each_answer_has_its_order(answered: &Answered, books: &Books, tally: &mut Tally) {
    let mut seen = BTreeSet::new();
    for asked in answered.taken() {
        let id = asked.id();
        if !seen.insert(id) {
            tally.fault(format!("order {id} was given for two keys"));
        }
        let Some(order) = books.orders.get(id) else {
            tally.fault(format!("order {id} was answered with 201 and is not there"));
            continue;
        };
        if order["total_amount"] != asked.reply.body["total_amount"] || order["created_at"].is_null() {
            tally.fault(format!("order {id} is {order}, the answer was {:?}", asked.reply));
        }
        let wanted = asked.body["items"].as_array().into_iter().flatten();
        let wanted: Vec<_> = wanted
            .map(|item| (&item["product_id"], &item["quantity"]))
            .collect();
        let items = order["items"].as_array().into_iter().flatten();
        let items: Vec<_> = items
            .map(|item| (&item["product_id"], &item["quantity"]))
            .collect();
        if wanted != items {
            tally.fault(format!("order {id} has {items:?} instead of {wanted:?}"));
        }
        let status = order["status"].as_str().unwrap_or_default();
        if asked.cancelled.is_some() && !matches!(status, "cancelled" | "failed") {
            tally.fault(format!("order {id} was cancelled and is {status}"));
        }
        if asked.cancelled.is_none() && status == "cancelled" {
            tally.fault(format!("order {id} is cancelled and nobody wanted so"));
        }
    }
    for (id, order) in &books.orders {
        if !order["created_at"].is_null() && !seen.contains(id.as_str()) {
            tally.fault(format!("order {id} was taken and nobody was told: {order}"));
        }
    }
    let (orders, keys) = (books.orders.len(), answered.orders.len());
    if orders != keys {
        tally.fault(format!("{keys} keys have {orders} orders"));
    }
}

/// Asked again with its key, everything is answered as before.
fn each_key_has_one_answer(answered: &Answered, tally: &mut Tally) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut clients: BTreeMap<usize, _> = answered.clients.iter().cloned().enumerate().collect();
    for asked in &answered.orders {
        let Some(client) = clients.get_mut(&asked.client) else {
            continue;
        };
        let order = (ORDERS, &asked.key, &asked.body, &asked.reply);
        let payments = asked.payments.iter();
        let payments = payments.map(|paid| (PAYMENTS, &paid.key, &paid.body, &paid.reply));
        let requests = std::iter::once(order).chain(payments);
        for (path, key, body, before) in requests {
            let again = runtime.block_on(client.ask("POST", path, Some(key), Some(body)))?;
            if again.status != before.status || !same(&again.body, &before.body) {
                tally.fault(format!(
                    "{path} with key {key} was answered with {before:?}, then with {again:?}"
                ));
            }
        }
    }
    Ok(())
}

/// Equal but for the id of the request, which each has its own.
pub(super) fn same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    let without = |body: &serde_json::Value| {
        let mut body = body.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.remove("request_id");
        }
        body
    };
    without(one) == without(other)
}
