//! Waiting until nothing is under way any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use super::client::Client;
use super::load::Answered;
use super::parts::Shop;
use crate::kafka::{self, Record};

/// How long that may take: leases run out, and what was tried in vain is tried again after pauses that grow.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// States in which an order does not stay.
const PASSING_ORDERS: [&str; 3] = ["pending", "paying", "paid"];
/// Statuses in which a payment does not stay.
const PASSING_PAYMENTS: [&str; 4] = ["processing", "unknown", "requires_action", "refund_pending"];

/// What the shop says of itself once it has settled.
pub(super) struct Books {
    /// Every order of every client, by its id.
    pub(super) orders: BTreeMap<String, Value>,
    /// Every payment.
    pub(super) payments: Vec<Payment>,
    /// What the simulated provider took: the payment's intent and what has become of it.
    pub(super) intents: BTreeMap<String, String>,
    /// Orders of the topic that the database has lost.
    pub(super) unknown: BTreeSet<String>,
    /// How many orders the topic has with moments of two windows: the database lost them, and took them anew.
    pub(super) twice: usize,
    /// The orders topic.
    pub(super) events: Vec<Record>,
}

/// A payment, as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) order_id: String,
    pub(super) status: String,
    pub(super) intent: Option<String>,
}

/// Looks until everything has come to rest.
///
/// # Errors
/// It does not: what is still under way is in the error.
pub(super) fn settle(shop: &Shop, answered: &Answered) -> Result<Books> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let deadline = Instant::now() + PATIENCE;
    let mut clients = answered.clients.clone();
    loop {
        let books = runtime.block_on(look(shop, &mut clients))?;
        let under_way = books.under_way();
        if under_way.is_empty() {
            return Ok(books);
        }
        if Instant::now() >= deadline {
            let some: Vec<&String> = under_way.iter().take(8).collect();
            bail!(
                "{} things are still under way after {} s: {some:#?}",
                under_way.len(),
                PATIENCE.as_secs()
            );
        }
        std::thread::sleep(PAUSE);
    }
}

async fn look(shop: &Shop, clients: &mut [Client]) -> Result<Books> {
    let mut orders = BTreeMap::new();
    for client in clients {
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/orders?limit=100{cursor}");
            let page = client.ask("GET", &path, None, None).await?;
            let listed = page.body["orders"]
                .as_array()
                .with_context(|| format!("{page:?}"))?;
            for order in listed {
                let id = order["id"].as_str().context("an order has an id")?;
                orders.insert(id.to_owned(), order.clone());
            }
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
    let (url, prefix) = shop.payments();
    sqlx::any::install_default_drivers();
    let mut database = AnyConnection::connect(&url).await?;
    let sql = format!("SELECT id, order_id, status, intent_id FROM {prefix}payments");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut database).await?;
    let mut payments = Vec::with_capacity(rows.len());
    for row in rows {
        payments.push(Payment {
            id: row.try_get("id")?,
            order_id: row.try_get("order_id")?,
            status: row.try_get("status")?,
            intent: row.try_get("intent_id")?,
        });
    }
    let sql = format!("SELECT id, state FROM {prefix}simulated_intents");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut database).await?;
    let mut intents = BTreeMap::new();
    for row in rows {
        intents.insert(row.try_get("id")?, row.try_get("state")?);
    }
    database.close().await?;
    let job = shop.job();
    Ok(Books {
        orders,
        payments,
        intents,
        unknown: BTreeSet::new(),
        twice: 0,
        events: kafka::read_all(&job.bootstrap, &job.topics.orders)?,
    })
}

impl Books {
    /// The event that the last state of an order makes due.
    pub(super) fn last_event(order: &Value) -> Option<&'static str> {
        // One without a moment was never taken, and nobody hears of it.
        order["created_at"].as_str()?;
        match order["status"].as_str()? {
            "confirmed" | "paid" => Some("order.paid"),
            "cancelled" => Some("order.cancelled"),
            "failed" => Some("order.failed"),
            _ => Some("order.created"),
        }
    }

    /// In words, whatever has not come to rest.
    fn under_way(&self) -> Vec<String> {
        let mut under_way = Vec::new();
        let published: BTreeSet<(String, String)> = self
            .events
            .iter()
            .map(|event| {
                let key = event.key.as_deref().unwrap_or_default();
                (
                    String::from_utf8_lossy(key).into_owned(),
                    event.header("ce_type").unwrap_or_default(),
                )
            })
            .collect();
        for (id, order) in &self.orders {
            let status = order["status"].as_str().unwrap_or_default();
            if PASSING_ORDERS.contains(&status) {
                under_way.push(format!("order {id} is {status}"));
            }
            if let Some(event) = Books::last_event(order)
                && !published.contains(&(id.clone(), event.to_owned()))
            {
                under_way.push(format!("order {id} is {status}, and {event} is not published"));
            }
        }
        for payment in &self.payments {
            if PASSING_PAYMENTS.contains(&payment.status.as_str()) {
                under_way.push(format!(
                    "payment {} of order {} is {}",
                    payment.id, payment.order_id, payment.status
                ));
            }
            // A charge of an order that has ended is on its way back.
            let order = self.orders.get(&payment.order_id);
            let status = order
                .and_then(|order| order["status"].as_str())
                .unwrap_or_default();
            if payment.status == "succeeded" && matches!(status, "cancelled" | "failed") {
                under_way.push(format!(
                    "payment {} of a {status} order is not given back",
                    payment.id
                ));
            }
        }
        under_way
    }
}
