//! The orders topic: one event for each thing that became true, however often it was sent, and in its sequence.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kafka::Record;
use crate::shop::Tally;
use crate::shop::settle::Books;

pub(super) fn judge(books: &Books, tally: &mut Tally) {
    let mut by_order: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for event in &books.events {
        let key = event.key.as_deref().unwrap_or_default();
        by_order
            .entry(String::from_utf8_lossy(key).into_owned())
            .or_default()
            .push(event);
    }
    for (id, events) in &by_order {
        match books.orders.get(id) {
            None => tally.fault(format!("there are events of order {id}, which is not there")),
            Some(order) => of_one_order(id, order, events, tally),
        }
    }
    for (id, order) in &books.orders {
        if !order["created_at"].is_null() && !by_order.contains_key(id) {
            tally.fault(format!("order {id} has no event"));
        }
    }
}

fn of_one_order(id: &str, order: &Value, events: &[&Record], tally: &mut Tally) {
    // By version: the first copy of each.
    let mut first: BTreeMap<i64, &Record> = BTreeMap::new();
    for event in events {
        let Some(version) = event.header("version").and_then(|version| version.parse().ok()) else {
            tally.fault(format!("an event of order {id} has no version: {event:?}"));
            continue;
        };
        if let Some(earlier) = first.get(&version) {
            tally.copies += 1;
            let is_copy = earlier.value == event.value
                && earlier.headers == event.headers
                && earlier.partition == event.partition;
            if !is_copy {
                tally.fault(format!(
                    "two events of order {id} have version {version}: {earlier:?}, {event:?}"
                ));
            }
        } else {
            if first.last_key_value().is_some_and(|(newer, _)| *newer > version) {
                tally.fault(format!("version {version} of order {id} came behind a newer one"));
            }
            first.insert(version, event);
        }
    }
    let kinds: Vec<String> = first
        .values()
        .filter_map(|event| event.header("ce_type"))
        .collect();
    let created = kinds.iter().filter(|kind| *kind == "order.created").count();
    if created != 1 || kinds.first().map(String::as_str) != Some("order.created") {
        tally.fault(format!("the events of order {id} are {kinds:?}"));
    }
    if kinds.last().map(String::as_str) != Books::last_event(order) {
        tally.fault(format!(
            "the events of order {id} are {kinds:?}, and it is {}",
            order["status"]
        ));
    }
    let mut kinds_once = kinds.clone();
    kinds_once.sort_unstable();
    kinds_once.dedup();
    if kinds_once.len() != kinds.len() {
        tally.fault(format!("something became true twice of order {id}: {kinds:?}"));
    }
    for event in first.values() {
        let value: Value =
            serde_json::from_slice(event.value.as_deref().unwrap_or_default()).unwrap_or_default();
        let quantity = |body: &Value| -> i64 {
            let items = body["items"].as_array().into_iter().flatten();
            items.filter_map(|item| item["quantity"].as_i64()).sum()
        };
        let is_of_it = value["order_id"] == id
            && value["user_id"] == order["user_id"]
            && value["total_amount"] == order["total_amount"]
            && value["created_at"] == order["created_at"]
            && quantity(&value) == quantity(order);
        if !is_of_it {
            tally.fault(format!("an event says {value} of the order {order}"));
        }
    }
}
