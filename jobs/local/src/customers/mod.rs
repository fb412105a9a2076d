//! Customers of the shop: they register, log in, and order by REST at a steady rate, as anybody would.

mod client;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use rand::Rng;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::client::{Answer, Client};

/// Orders a second of one customer, well below what a user may ask for.
const EACH: f64 = 20.0;
/// The most customers: each has two passwords checked before the first order.
const MOST: usize = 50;
/// Orders under way at a time; where the shop is slower than the rate, the rate falls.
const UNDER_WAY: usize = 256;
/// Attempts at an order that is not answered, all with its key.
const ATTEMPTS: u32 = 5;
/// How long a customer waits where the shop does not say.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest wait that is heeded.
const LONGEST: Duration = Duration::from_secs(5);
/// Between two attempts to begin.
const AGAIN: Duration = Duration::from_secs(1);

/// What came of the orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Answered with 201.
    pub(crate) taken: u64,
    /// Answered with a refusal, such as out of stock.
    pub(crate) refused: u64,
    /// Not answered, however often they were sent: they may be taken or not.
    pub(crate) unanswered: u64,
}

#[derive(Default)]
struct Tally {
    /// The ids of the orders answered with 201.
    taken: Mutex<Vec<String>>,
    refused: AtomicU64,
    unanswered: AtomicU64,
}

/// The customers of a running shop.
pub(crate) struct Customers {
    tally: Arc<Tally>,
    stop: CancellationToken,
    ordering: JoinHandle<()>,
}

impl Customers {
    /// Lets them order, so many times a second in all.
    ///
    /// # Errors
    /// The system has no connections to give.
    pub(crate) fn start(runtime: &Runtime, shop: SocketAddr, per_second: f64) -> Result<Customers> {
        let client = Client::new(shop)?;
        let (tally, stop) = (Arc::<Tally>::default(), CancellationToken::new());
        let ordering = runtime.spawn(order(client, per_second, Arc::clone(&tally), stop.clone()));
        Ok(Customers {
            tally,
            stop,
            ordering,
        })
    }

    /// What came of the orders so far.
    pub(crate) fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// Nobody orders any more; gives what came of all orders, and the ids of those that were taken.
    pub(crate) async fn stop(self) -> (Counts, Vec<String>) {
        self.stop.cancel();
        // One that panicked has said so.
        let _ = self.ordering.await;
        let counts = self.tally.counts();
        let taken = std::mem::take(&mut *self.tally.taken.lock().unwrap_or_else(PoisonError::into_inner));
        (counts, taken)
    }
}

impl Tally {
    fn counts(&self) -> Counts {
        Counts {
            taken: self.taken.lock().unwrap_or_else(PoisonError::into_inner).len() as u64,
            refused: self.refused.load(Ordering::Relaxed),
            unanswered: self.unanswered.load(Ordering::Relaxed),
        }
    }
}

/// Who is logged in, and what there is to order.
struct Ready {
    tokens: Vec<String>,
    products: Vec<String>,
}

async fn order(client: Client, per_second: f64, tally: Arc<Tally>, stop: CancellationToken) {
    let count = ((per_second / EACH).ceil() as usize).clamp(1, MOST);
    let Some(mut ready) = begin(&client, count, &stop).await else {
        return;
    };
    let places = Arc::new(Semaphore::new(UNDER_WAY));
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Access tokens are good for a quarter of an hour.
    let mut renewal = tokio::time::interval(Duration::from_secs(600));
    renewal.tick().await;
    let mut under_way = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = renewal.tick() => {
                if let Some(renewed) = begin(&client, count, &stop).await {
                    ready = renewed;
                }
            }
            _ = ticks.tick() => {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
                let token = ready.tokens[number % ready.tokens.len()].clone();
                let body = new_order(&ready.products);
                let (client, tally) = (client.clone(), Arc::clone(&tally));
                under_way.spawn(async move {
                    one(&client, &token, &body, &tally).await;
                    drop(place);
                });
                number += 1;
            }
        }
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

/// Tries until the customers are logged in; `None` when it is over before.
async fn begin(client: &Client, count: usize, stop: &CancellationToken) -> Option<Ready> {
    loop {
        tokio::select! {
            () = stop.cancelled() => return None,
            ready = get_ready(client, count) => match ready {
                Ok(ready) => return Some(ready),
                Err(error) => tracing::warn!(%error, "the customers cannot begin; trying again"),
            },
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn get_ready(client: &Client, count: usize) -> Result<Ready> {
    let mut tokens = Vec::with_capacity(count);
    for _ in 0..count {
        let person = json!({
            "email": format!("{}@weir.local", Uuid::new_v4().simple()), "password": Uuid::new_v4().to_string(),
            "first_name": "Weir", "last_name": "Customer",
        });
        answered(client, "/api/v1/auth/register", &person).await?;
        let session = answered(client, "/api/v1/auth/login", &person).await?;
        match session["token"].as_str() {
            Some(token) => tokens.push(token.to_owned()),
            None => bail!("a log-in without a token"),
        }
    }
    let list = client.get("/api/v1/products?limit=100").await?;
    let products = list.body["products"].as_array().into_iter().flatten();
    let products: Vec<String> = products
        .filter_map(|product| Some(product["id"].as_str()?.to_owned()))
        .collect();
    if products.is_empty() {
        bail!("the shop has no products");
    }
    Ok(Ready { tokens, products })
}

/// Asks until the answer is neither 429 nor 503.
async fn answered(client: &Client, path: &str, body: &Value) -> Result<Value> {
    loop {
        let answer = client.post(path, None, None, body).await?;
        match answer.status {
            200 | 201 => return Ok(answer.body),
            429 | 503 => wait(&answer).await,
            status => bail!("{path}: {status} {}", answer.body),
        }
    }
}

fn new_order(products: &[String]) -> Value {
    let mut random = rand::rng();
    let product = &products[random.random_range(0..products.len())];
    json!({
        "items": [{"product_id": product, "quantity": random.random_range(1..=3)}],
        "shipping_address": {
            "name": "Weir Customer", "line1": "1 Main Street", "city": "London", "postal_code": "N1", "country": "GB",
        },
    })
}

/// One order: sent again with its key until it is answered for good.
async fn one(client: &Client, token: &str, body: &Value, tally: &Tally) {
    let key = Uuid::new_v4().to_string();
    for _ in 0..ATTEMPTS {
        match client.post("/api/v1/orders", Some(token), Some(&key), body).await {
            Ok(answer) if answer.status == 201 => {
                let id = answer.body["order_id"].as_str().unwrap_or_default().to_owned();
                tally
                    .taken
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(id);
                return;
            }
            Ok(answer) if answer.is_final() => {
                tally.refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Ok(answer) => wait(&answer).await,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    tally.unanswered.fetch_add(1, Ordering::Relaxed);
}

async fn wait(answer: &Answer) {
    tokio::time::sleep(answer.retry_after.unwrap_or(PAUSE).min(LONGEST)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_one_that_the_shop_can_read() {
        let order = new_order(&["kb-1".to_owned()]);
        assert_eq!(order["items"][0]["product_id"], "kb-1");
        assert!((1..=3).contains(&order["items"][0]["quantity"].as_i64().unwrap()));
    }
}
