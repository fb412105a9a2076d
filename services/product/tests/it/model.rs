//! The stock as it ought to be: orders that ask, sell and give back in any sequence, one at a time.

use std::collections::BTreeMap;

use product_service::{Line, Outcome};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use test_support::databases::on_each_database;

use crate::shop::{Shop, lines};

const PRODUCTS: [&str; 3] = ["a", "b", "c"];
const STOCK: i64 = 12;

/// How an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reserved,
    Sold,
    Out,
    Unknown,
    Released,
}

/// A plain model of the service.
#[derive(Default)]
struct Model {
    stock: BTreeMap<String, i64>,
    orders: BTreeMap<String, (State, Vec<Line>)>,
}

impl Model {
    fn new() -> Model {
        Model {
            stock: PRODUCTS.map(|id| (id.to_owned(), STOCK)).into(),
            orders: BTreeMap::new(),
        }
    }

    fn reserve(&mut self, order_id: &str, lines: &[Line]) -> State {
        if let Some((state, _)) = self.orders.get(order_id) {
            return *state;
        }
        let is_known = lines.iter().all(|line| self.stock.contains_key(&line.product_id));
        let mut left = self.stock.clone();
        for line in lines {
            *left.entry(line.product_id.clone()).or_default() -= i64::from(line.quantity);
        }
        let state = match is_known {
            false => State::Unknown,
            true if left.values().any(|stock| *stock < 0) => State::Out,
            true => State::Reserved,
        };
        if state == State::Reserved {
            self.stock = left;
        }
        self.orders.insert(order_id.to_owned(), (state, lines.to_vec()));
        state
    }

    fn release(&mut self, order_id: &str) {
        let order = self
            .orders
            .entry(order_id.to_owned())
            .or_insert((State::Released, Vec::new()));
        if matches!(order.0, State::Reserved | State::Sold) {
            for line in &order.1 {
                *self.stock.get_mut(&line.product_id).unwrap() += i64::from(line.quantity);
            }
        }
        order.0 = State::Released;
    }

    /// Whether the order has, or had, something to sell.
    fn sell(&mut self, order_id: &str) -> bool {
        match self.orders.get_mut(order_id) {
            Some((state @ (State::Reserved | State::Sold), _)) => {
                *state = State::Sold;
                true
            }
            Some((State::Released, _)) => true,
            _ => false,
        }
    }

    fn had(&self, state: State, product_id: &str) -> i64 {
        let orders = self.orders.values().filter(|(found, _)| *found == state);
        let lines = orders.flat_map(|(_, lines)| lines.iter().filter(|line| line.product_id == product_id));
        lines.map(|line| i64::from(line.quantity)).sum()
    }
}

fn state(outcome: &Outcome) -> State {
    match outcome {
        Outcome::Reserved(_) => State::Reserved,
        Outcome::Sold(_) => State::Sold,
        Outcome::OutOfStock(_) => State::Out,
        Outcome::UnknownProducts(_) => State::Unknown,
        Outcome::Released => State::Released,
    }
}

pub(crate) fn any_lines(random: &mut SmallRng) -> Vec<Line> {
    let count = random.random_range(1..=4);
    let wanted: Vec<_> = (0..count)
        .map(|_| match random.random_range(0..40) {
            0 => ("x", 1),
            n => (PRODUCTS[n % 3], random.random_range(1..=3)),
        })
        .collect();
    lines(&wanted)
}

#[test]
fn the_service_does_what_the_model_does() {
    on_each_database(async |url| {
        let shop = Shop::open(&url).await;
        for id in PRODUCTS {
            shop.has(id, STOCK).await;
        }
        for seed in 0..6 {
            follow_the_model(&shop, seed).await;
        }
    });
}

/// One schedule, with orders of its own; at its end all stock is back.
async fn follow_the_model(shop: &Shop, seed: u64) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut model = Model::new();
    for step in 0..100 {
        let order_id = format!("ord_{seed}_{}", random.random_range(0..25));
        let what = match random.random_range(0..10) {
            0..6 => {
                let wanted = any_lines(&mut random);
                let outcome = shop.products.reserve(&order_id, &wanted).await.unwrap();
                assert_eq!(
                    state(&outcome),
                    model.reserve(&order_id, &wanted),
                    "seed {seed} step {step}"
                );
                "reserve"
            }
            6..8 => {
                shop.products.release(&order_id).await.unwrap();
                model.release(&order_id);
                "release"
            }
            _ => {
                let sold = shop.products.sell(&order_id).await;
                assert_eq!(
                    sold.is_ok(),
                    model.sell(&order_id),
                    "seed {seed} step {step}: {sold:?}"
                );
                "sell"
            }
        };
        for balance in shop.even_balance().await {
            let id = balance.product_id.as_str();
            let expected = (
                model.stock[id],
                model.had(State::Reserved, id),
                model.had(State::Sold, id),
            );
            let found = (balance.stock, balance.reserved, balance.sold);
            assert_eq!(
                found, expected,
                "seed {seed} step {step}: {what} {order_id}, product {id}"
            );
        }
    }
    for n in 0..25 {
        shop.products.release(&format!("ord_{seed}_{n}")).await.unwrap();
    }
    for balance in shop.even_balance().await {
        assert_eq!(balance.stock, STOCK, "seed {seed}: {balance:?}");
    }
}
