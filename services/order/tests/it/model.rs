//! Random schedules: instances killed anywhere, calls lost before or after they took effect, orders paid, declined,
//! cancelled and expired; judged at the end by what a shop owner cares about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use order_service::order::State;
use order_service::remote::Settlement;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use service_common::failure::Failure;
use sqlx::Row;
use test_support::databases::each_database_url;
use weir_proto::Money;
use weir_rpc::order::v1::OrderResponse;

use crate::instance::{Instance, request};
use crate::others::{Others, PRICE, Payment, Reservation};

const STOCK: i64 = 30;

/// How long a schedule may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(120);

type Answered = (String, Result<OrderResponse, Failure>);

struct Run {
    random: SmallRng,
    url: String,
    others: Others,
    instances: Vec<Instance>,
    /// What clients ordered under which key.
    keys: Vec<(String, u32, Option<&'static str>)>,
    answers: (mpsc::Sender<Answered>, mpsc::Receiver<Answered>),
    /// The final answer that a key was given.
    told: BTreeMap<String, Result<OrderResponse, Failure>>,
    /// Orders whose client was told that they are cancelled.
    cancelled: BTreeSet<String>,
}

impl Run {
    fn new(seed: u64, url: &str) -> Run {
        let others = Others::new(seed, STOCK, 8);
        Run {
            random: SmallRng::seed_from_u64(seed),
            url: url.to_owned(),
            instances: (0..2).map(|_| Instance::start(url, &others)).collect(),
            others,
            keys: Vec::new(),
            answers: mpsc::channel(),
            told: BTreeMap::new(),
            cancelled: BTreeSet::new(),
        }
    }

    fn instance(&mut self) -> usize {
        self.random.random_range(0..self.instances.len())
    }

    fn act(&mut self) {
        match self.random.random_range(0..100) {
            0..25 => {
                let method = *[None, None, Some("tok_success")]
                    .choose(&mut self.random)
                    .unwrap();
                let quantity = self.random.random_range(1..4);
                self.keys
                    .push((format!("k{}", self.keys.len()), quantity, method));
                self.order(self.keys.len() - 1);
            }
            25..45 if !self.keys.is_empty() => {
                let n = self.random.random_range(0..self.keys.len());
                self.order(n);
            }
            45..60 => self.begin_payment(),
            60..75 => self.settle_payment(),
            75..83 => self.cancel(),
            83..88 => self.pass_time(),
            88..92 => {
                let n = self.instance();
                let started = Instance::start(&self.url, &self.others);
                std::mem::replace(&mut self.instances[n], started).kill();
            }
            _ => std::thread::sleep(Duration::from_millis(self.random.random_range(0..4))),
        }
        self.listen();
    }

    /// A client orders, and may not be there any more when the answer comes.
    fn order(&mut self, n: usize) {
        let (key, quantity, method) = self.keys[n].clone();
        let instance = self.instance();
        let instance = &self.instances[instance];
        let orders = instance.orders.clone();
        let answers = self.answers.0.clone();
        let hangs_up = self.random.random_bool(0.1);
        instance.runtime.spawn(async move {
            let work = orders.take(request(&key, quantity, method));
            if hangs_up {
                let _ = tokio::time::timeout(Duration::from_millis(2), work).await;
                return;
            }
            let _ = answers.send((key.clone(), work.await));
        });
    }

    /// What was told to clients must not change.
    fn listen(&mut self) {
        while let Ok((key, answer)) = self.answers.1.try_recv() {
            let is_final = answer.as_ref().map_or_else(Failure::is_final, |_| true);
            if is_final {
                let told = self.told.entry(key).or_insert_with(|| answer.clone());
                assert_eq!(*told, answer);
            }
        }
    }

    fn an_order(&mut self) -> Option<String> {
        let ids: Vec<String> = self.others.world().reservations.keys().cloned().collect();
        ids.choose(&mut self.random).cloned()
    }

    fn begin_payment(&mut self) {
        let Some(order_id) = self.an_order() else { return };
        let payment_id = format!("pay-{}", self.random.random_range(0..1_000_000));
        let quantity = self.others.world().reservations[&order_id].1;
        let amount = Money::from_minor(quantity * PRICE).unwrap();
        let payment = Payment {
            order_id: order_id.clone(),
            settlement: Settlement::Open,
            is_refunded: false,
        };
        self.others.world().payments.insert(payment_id.clone(), payment);
        let n = self.instance();
        let orders = self.instances[n].orders.clone();
        let begun = self.instances[n].runtime.block_on(async move {
            orders
                .begin_payment(&order_id, &payment_id, amount, "USD")
                .await
                .map(|begun| (payment_id, begun))
        });
        if let Ok((payment_id, order_service::order::Begun::No)) = begun {
            // Nobody will ever be charged by it.
            self.others.world().payments.remove(&payment_id);
        }
    }

    /// A payment ends; that its order is told may get lost.
    fn settle_payment(&mut self) {
        // The order's own payments begin here as well: their service is not part of this model.
        let open: Vec<(String, String)> = {
            let world = self.others.world();
            let open = world
                .payments
                .iter()
                .filter(|(_, payment)| payment.settlement == Settlement::Open);
            open.map(|(id, payment)| (id.clone(), payment.order_id.clone()))
                .collect()
        };
        let Some((payment_id, order_id)) = open.choose(&mut self.random).cloned() else {
            return;
        };
        let quantity = self
            .others
            .world()
            .reservations
            .get(&order_id)
            .map_or(0, |(_, quantity)| *quantity);
        let n = self.instance();
        let amount = Money::from_minor(quantity * PRICE).unwrap();
        let begun = {
            let (orders, order_id, payment_id) = (
                self.instances[n].orders.clone(),
                order_id.clone(),
                payment_id.clone(),
            );
            self.instances[n]
                .runtime
                .block_on(async move { orders.begin_payment(&order_id, &payment_id, amount, "USD").await })
        };
        let settlement = match (begun, self.random.random_bool(0.7)) {
            (Ok(order_service::order::Begun::Yes), true) => Settlement::Succeeded,
            (Ok(_), _) => Settlement::Failed,
            (Err(_), _) => return,
        };
        self.others
            .world()
            .payments
            .get_mut(&payment_id)
            .unwrap()
            .settlement = settlement;
        if self.random.random_bool(0.7) {
            let orders = self.instances[n].orders.clone();
            let has_succeeded = settlement == Settlement::Succeeded;
            let _ = self.instances[n].runtime.block_on(async move {
                orders
                    .payment_settled(&order_id, &payment_id, has_succeeded)
                    .await
            });
        }
    }

    fn cancel(&mut self) {
        let Some(order_id) = self.an_order() else { return };
        let n = self.instance();
        let orders = self.instances[n].orders.clone();
        let id = order_id.clone();
        let cancelled = self.instances[n]
            .runtime
            .block_on(async move { orders.cancel(&id, |_| true).await });
        if cancelled.is_ok_and(|order| order.state() == State::Cancelled) {
            self.cancelled.insert(order_id);
        }
    }

    fn pass_time(&mut self) {
        let n = self.instance();
        if self.random.random_bool(0.3) {
            self.instances[n].runtime.block_on(async {
                let mut transaction = self.instances[n].database.begin().await.unwrap();
                sqlx::query(
                    "UPDATE orders SET until_ms = 0 WHERE id IN (SELECT id FROM orders ORDER BY id LIMIT 3)",
                )
                .execute(&mut *transaction)
                .await
                .unwrap();
                transaction.commit().await.unwrap();
            });
        }
        self.instances[n].let_time_pass();
        let instance = &self.instances[n];
        let (orders, stopping) = (instance.orders.clone(), instance.lifecycle.stopping());
        instance
            .runtime
            .spawn(async move { orders.attend_overdue(&stopping).await });
    }

    /// Nothing gets lost any more: what was promised is finished.
    fn settle(&mut self) {
        self.others.world().lost_percent = 0;
        for n in 1..self.instances.len() {
            let started = Instance::start(&self.url, &self.others);
            std::mem::replace(&mut self.instances[n], started).kill();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "what was promised is not finished");
            // Every client asks until it has been told.
            for (key, quantity, method) in self.keys.clone() {
                if !self.told.contains_key(&key) {
                    let answer = self.instances[0].take(request(&key, quantity, method));
                    self.answers.0.send((key, answer)).unwrap();
                }
            }
            self.listen();
            while self
                .others
                .world()
                .payments
                .values()
                .any(|payment| payment.settlement == Settlement::Open)
            {
                self.settle_payment();
            }
            self.instances[0].let_time_pass();
            self.instances[0].attend();
            let open = self.instances[0].number(
                "SELECT COUNT(*) FROM orders WHERE state IN ('pending', 'paying', 'paid') OR dues <> 0",
            );
            if open == 0 && self.told.len() == self.keys.len() {
                break;
            }
        }
    }

    fn judge(&mut self, seed: u64) {
        let instance = &self.instances[0];
        let orders = instance.runtime.block_on(async {
            sqlx::query("SELECT id, state, version, payment_id FROM orders")
                .fetch_all(instance.database.pool())
                .await
                .unwrap()
        });
        let world = self.others.world();
        let (mut live, mut sold) = (0, 0);
        for row in &orders {
            let (id, state): (String, String) = (row.get(0), row.get(1));
            let about = format!("seed {seed}: {id} is {state}");
            let reservation = world.reservations.get(&id);
            let of_order = world.payments.values().filter(|payment| payment.order_id == id);
            let kept = of_order
                .filter(|payment| payment.settlement == Settlement::Succeeded && !payment.is_refunded)
                .count();
            match State::parse(&state).unwrap() {
                State::Reserved => assert_eq!(reservation.unwrap().0, Reservation::Live, "{about}"),
                State::Confirmed => assert_eq!(reservation.unwrap().0, Reservation::Sold, "{about}"),
                State::Cancelled | State::Failed => {
                    let gone = reservation.is_none_or(|(reservation, _)| *reservation == Reservation::Gone);
                    assert!(gone, "{about} and has stock: {reservation:?}");
                }
                _ => panic!("{about} after all was settled"),
            }
            assert_eq!(
                kept,
                usize::from(state == "confirmed"),
                "{about}: charges that were kept"
            );
            match reservation {
                Some((Reservation::Live, quantity)) => live += quantity,
                Some((Reservation::Sold, quantity)) => sold += quantity,
                _ => {}
            }
            let versions: Vec<i64> = instance.runtime.block_on(async {
                sqlx::query_scalar(
                    "SELECT version FROM outbox_events WHERE record_key = $1 ORDER BY created_at_ms",
                )
                .bind(&id)
                .fetch_all(instance.database.pool())
                .await
                .unwrap()
            });
            let expected: Vec<i64> = (1..=row.get::<i64, _>(2)).collect();
            assert_eq!(versions, expected, "{about}: its events");
        }
        assert_eq!(world.stock + live + sold, STOCK, "seed {seed}: stock");
        for id in &self.cancelled {
            let row = orders.iter().find(|row| row.get::<String, _>(0) == *id).unwrap();
            assert_eq!(
                row.get::<String, _>(1),
                "cancelled",
                "seed {seed}: {id} was told cancelled"
            );
        }
        for (key, answer) in &self.told {
            if let Ok(answer) = answer {
                let found = orders
                    .iter()
                    .filter(|row| row.get::<String, _>(0) == answer.order_id);
                assert_eq!(found.count(), 1, "seed {seed}: {key} was answered with an order");
            }
        }
    }
}

#[test]
fn whatever_is_killed_or_lost_orders_stock_and_payments_agree() {
    let seeds = std::env::var("WEIR_ORDER_SCHEDULES").map_or(6, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        each_database_url(|url| {
            let mut run = Run::new(seed, url);
            for _ in 0..250 {
                run.act();
            }
            run.settle();
            run.judge(seed);
        });
    }
}
