//! What the provider took and gave back.

use std::collections::{BTreeMap, BTreeSet};

use crate::shop::Tally;
use crate::shop::load::Answered;
use crate::shop::settle::Books;

pub(super) fn judge(answered: &Answered, books: &Books, tally: &mut Tally) {
    let mut charges: BTreeMap<&str, usize> = BTreeMap::new();
    let mut owned = BTreeSet::new();
    for payment in &books.payments {
        if !books.orders.contains_key(&payment.order_id) {
            tally.fault(format!("payment {} pays an order that is not there", payment.id));
        }
        let intent = payment.intent.as_ref();
        let state = intent
            .and_then(|intent| books.intents.get(intent))
            .map(String::as_str);
        owned.extend(intent.map(String::as_str));
        let (is_charged, is_refunded) = (state == Some("charged"), state == Some("refunded"));
        if is_charged {
            *charges.entry(payment.order_id.as_str()).or_default() += 1;
        }
        if is_charged != (payment.status == "succeeded") || is_refunded != (payment.status == "refunded") {
            tally.fault(format!("{payment:?}, and the provider says {state:?}"));
        }
        tally.charges += usize::from(is_charged);
        tally.refunds += usize::from(is_refunded);
    }
    for (intent, state) in &books.intents {
        if state != "created" && !owned.contains(intent.as_str()) {
            tally.fault(format!("intent {intent} is {state}, and no payment knows of it"));
        }
    }
    for (id, order) in &books.orders {
        let wanted = usize::from(order["status"] == "confirmed");
        let stayed = charges.get(id.as_str()).copied().unwrap_or_default();
        if stayed != wanted {
            tally.fault(format!("order {id} is {} with {stayed} charges", order["status"]));
        }
    }
    for asked in answered.taken() {
        for paid in &asked.payments {
            let status = &books
                .orders
                .get(asked.id())
                .map_or("gone", |order| order["status"].as_str().unwrap_or_default());
            if paid.succeeded() && !matches!(*status, "confirmed" | "cancelled") {
                tally.fault(format!("order {} was paid, and is {status}", asked.id()));
            }
        }
    }
}
