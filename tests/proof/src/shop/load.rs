//! What the clients do, and what they were answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::client::{Client, Reply};
use super::parts::Goods;

pub(super) const ORDERS: &str = "/api/v1/orders";
pub(super) const PAYMENTS: &str = "/api/v1/payments";
/// Between two orders of a client.
const PAUSE_MS: std::ops::Range<u64> = 5..80;

/// An order that a client asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Whose, as an index of the clients.
    pub(super) client: usize,
    pub(super) key: String,
    pub(super) body: Value,
    pub(super) reply: Reply,
    /// When the answer came.
    pub(super) at: Instant,
    /// When a cancel was answered with 200.
    pub(super) cancelled: Option<Instant>,
    /// Payments by hand.
    pub(super) payments: Vec<Attempt>,
}

/// A payment that a client asked for.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) key: String,
    pub(super) body: Value,
    pub(super) reply: Reply,
    /// When the answer came.
    pub(super) at: Instant,
}

impl Attempt {
    /// Whether the client was told that it paid.
    pub(super) fn succeeded(&self) -> bool {
        self.reply.status == 201 && self.reply.text("status") == "succeeded"
    }
}

impl Asked {
    /// The order's id, where it was taken.
    pub(super) fn id(&self) -> &str {
        self.reply.text("order_id")
    }
}

/// What the clients were answered.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) orders: Vec<Asked>,
    /// The clients, to ask further.
    pub(super) clients: Vec<Client>,
    pub(super) repeats: u64,
    pub(super) failures: BTreeMap<String, u64>,
    /// Answers that may not be given.
    pub(super) faults: Vec<String>,
}

impl Answered {
    /// Orders that were answered with 201.
    pub(super) fn taken(&self) -> impl Iterator<Item = &Asked> {
        self.orders.iter().filter(|asked| asked.reply.status == 201)
    }
}

/// Clients that order until they are told to stop.
pub(super) struct Load {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Result<Done>>>,
}

/// What one client did.
struct Done {
    client: Client,
    orders: Vec<Asked>,
    faults: Vec<String>,
}

impl Load {
    /// Registers the clients and lets them begin.
    ///
    /// # Errors
    /// They cannot register.
    pub(super) fn start(gateway: &str, goods: &Goods, clients: u32, seed: u64) -> Result<Load> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut random = SmallRng::seed_from_u64(seed);
        let mut tasks = Vec::new();
        for index in 0..clients as usize {
            let mut client = Client::new(gateway)?;
            runtime.block_on(log_in(&mut client, index))?;
            let customer = Customer {
                index,
                client,
                random: SmallRng::seed_from_u64(random.random()),
                goods: goods.clone(),
                orders: Vec::new(),
                faults: Vec::new(),
            };
            tasks.push(runtime.spawn(customer.order_until(Arc::clone(&stop))));
        }
        Ok(Load {
            runtime,
            stop,
            clients: tasks,
        })
    }

    /// Lets every client finish what it has begun.
    ///
    /// # Errors
    /// A request of one has no answer.
    pub(super) fn stop(self) -> Result<Answered> {
        self.stop.store(true, Ordering::Relaxed);
        let mut answered = Answered::default();
        for client in self.clients {
            let done = self.runtime.block_on(client)??;
            answered.orders.extend(done.orders);
            answered.faults.extend(done.faults);
            answered.repeats += done.client.repeats;
            for (failure, count) in &done.client.failures {
                *answered.failures.entry(failure.clone()).or_default() += count;
            }
            answered.clients.push(done.client);
        }
        Ok(answered)
    }
}

async fn log_in(client: &mut Client, index: usize) -> Result<()> {
    let person = json!({
        "email": format!("customer-{index}@example.test"), "password": "a good password",
        "first_name": "Ada", "last_name": "Lovelace",
    });
    let registered = client
        .ask(
            "POST",
            "/api/v1/auth/register",
            Some(&format!("register-{index}")),
            Some(&person),
        )
        .await?;
    ensure!(registered.status == 201, "registering: {registered:?}");
    let credentials = json!({"email": person["email"], "password": person["password"]});
    let reply = client
        .ask("POST", "/api/v1/auth/login", None, Some(&credentials))
        .await?;
    let token = reply.body["token"]
        .as_str()
        .context("logging in gives no token")?;
    client.become_the_one_with(token);
    Ok(())
}

/// One client.
struct Customer {
    index: usize,
    client: Client,
    random: SmallRng,
    goods: Goods,
    orders: Vec<Asked>,
    faults: Vec<String>,
}

impl Customer {
    async fn order_until(mut self, stop: Arc<AtomicBool>) -> Result<Done> {
        while !stop.load(Ordering::Relaxed) {
            self.order().await?;
            let pause = self.random.random_range(PAUSE_MS);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Ok(Done {
            client: self.client,
            orders: self.orders,
            faults: self.faults,
        })
    }

    /// One order, and what its client does with it.
    async fn order(&mut self) -> Result<()> {
        let method = match self.random.random_range(0..100) {
            0..20 => Some("tok_success"),
            20..30 => Some("tok_declined"),
            30..45 => Some("tok_unknown"),
            _ => None,
        };
        let mut body = self.basket();
        if let Some(method) = method {
            body["payment_method"] = json!(method);
        }
        let key = format!("order-{}", self.orders.len());
        let reply = self.client.ask("POST", ORDERS, Some(&key), Some(&body)).await?;
        let is_stored = reply.status == 201 || (reply.status == 409 && reply.code() == "out_of_stock");
        if !is_stored {
            self.faults.push(format!("an order was answered with {reply:?}"));
        }
        let mut asked = Asked {
            client: self.index,
            key,
            body,
            reply,
            at: Instant::now(),
            cancelled: None,
            payments: Vec::new(),
        };
        if asked.reply.status == 201 {
            if method.is_none() && self.random.random_bool(0.5) {
                self.pay(&mut asked).await?;
            }
            if self.random.random_bool(0.25) {
                self.cancel(&mut asked).await?;
            }
        }
        self.orders.push(asked);
        Ok(())
    }

    /// Some things in some number; of one of them there is little.
    fn basket(&mut self) -> Value {
        let lines = self.random.random_range(1..=3);
        let items: Vec<Value> = (0..lines)
            .map(|_| {
                let product = self.random.random_range(0..self.goods.products.len());
                json!({
                    "product_id": self.goods.products[product].0,
                    "quantity": self.random.random_range(1..=3),
                })
            })
            .collect();
        json!({
            "items": items,
            "shipping_address": {
                "name": "Ada", "line1": "1 Main Street", "city": "London", "postal_code": "N1", "country": "GB",
            },
        })
    }

    /// Pays by hand; after a decline by another method.
    async fn pay(&mut self, asked: &mut Asked) -> Result<()> {
        let methods: &[&str] = match self.random.random_range(0..3) {
            0 => &["tok_success"],
            1 => &["tok_unknown"],
            _ => &["tok_declined", "tok_success"],
        };
        for method in methods {
            let key = format!("pay-{}-{method}", asked.key);
            let body = json!({
                "order_id": asked.id(), "amount": asked.reply.body["total_amount"], "method": method,
            });
            let reply = self.client.ask("POST", PAYMENTS, Some(&key), Some(&body)).await?;
            // A decline that the order has not heard of yet keeps it waiting for that payment.
            let refusals = ["payment_live", "order_state"];
            if reply.status != 201 && !refusals.contains(&reply.code()) {
                self.faults
                    .push(format!("a payment of {} was answered with {reply:?}", asked.id()));
            }
            asked.payments.push(Attempt {
                key,
                body,
                reply,
                at: Instant::now(),
            });
        }
        Ok(())
    }

    async fn cancel(&mut self, asked: &mut Asked) -> Result<()> {
        let path = format!("{ORDERS}/{}/cancel", asked.id());
        let reply = self.client.ask("PUT", &path, None, None).await?;
        match (reply.status, reply.code()) {
            (200, _) => asked.cancelled = Some(Instant::now()),
            // It failed before.
            (409, "order_state") => {}
            _ => self
                .faults
                .push(format!("a cancel of {} was answered with {reply:?}", asked.id())),
        }
        Ok(())
    }
}
