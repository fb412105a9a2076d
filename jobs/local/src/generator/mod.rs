//! Invented orders: an endless, reproducible stream in the order in which a shop would publish them.
//!
//! Each second has a random stream of its own, made from the seed and the second. So a shop that starts again in the
//! middle of a day publishes exactly what it would have published without the break.

mod catalogue;
mod day;
mod draft;
mod faults;
mod random;

use std::collections::VecDeque;

use weir_proto::order::{Item, Order};
use weir_proto::{Money, Timestamp};

use self::random::Random;

/// Customers of the shop.
const USERS: u64 = 20_000;
/// Orders kept to be published a second time.
const RECENT: usize = 256;
/// The job's window.
const WINDOW_MS: i64 = 60_000;
/// From here on after its end a window is closed: the job's watermark lag, and two seconds for the slowest partition.
const CLOSED_AFTER_MS: i64 = 12_000;
/// Until here after its end a window can be revised: the watermark lag and the allowed lateness.
const FINAL_AFTER_MS: i64 = 10_000 + ALLOWED_LATENESS_MS;
/// The job's allowed lateness here: as long as an event of the shop may wait in its outbox and still be counted.
pub(crate) const ALLOWED_LATENESS_MS: i64 = 15 * 60_000;
/// Share of events that are no order placed: paid, shipped, cancelled.
const OTHER_EVENTS: f64 = 0.01;

/// What to invent; shares are parts of 1 of all events.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// The same seed gives the same orders.
    pub(crate) seed: u64,
    /// Events a second, in the mean of a day.
    pub(crate) rate: f64,
    /// Share published seconds after their creation, but in time.
    pub(crate) disorder: f64,
    /// Share that is no valid order.
    pub(crate) bad: f64,
    /// Share that is a copy of an earlier event, sometimes in another partition.
    pub(crate) duplicates: f64,
    /// Share published after their window was closed, about one in five of them after it was final.
    pub(crate) late: f64,
    /// Currency of the orders.
    pub(crate) currency: String,
    /// Partitions of the topic, for the copies that go astray.
    pub(crate) partitions: i32,
}

/// What an event was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An order published at once.
    Prompt,
    /// An order published some seconds late, within the watermark's lag.
    Disordered,
    /// An order published so late that its window is closed, or final.
    Late,
    /// A copy of an earlier event.
    Duplicate,
    /// A record that is no valid order.
    Bad,
    /// Another type of event.
    Other,
}

/// A record as it goes to the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// When it is published, UTC milliseconds; never back.
    pub(crate) at_ms: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    /// Set where the key must not decide.
    pub(crate) partition: Option<i32>,
    pub(crate) kind: Kind,
}

/// The endless stream, from a moment on.
#[derive(Debug)]
pub(crate) struct Generator {
    recipe: Recipe,
    second: i64,
    /// Microseconds into the second.
    offset_us: f64,
    random: Random,
    recent: VecDeque<(Vec<u8>, Vec<u8>)>,
    not_before_ms: i64,
}

impl Generator {
    /// The events published at `from_ms` (UTC milliseconds) and later.
    pub(crate) fn starting_at(from_ms: i64, recipe: Recipe) -> Self {
        // What may be copied is settled by the events before: start so early that it no longer depends on the start.
        let warm_up_s = (1_500.0 / recipe.rate).clamp(1.0, 120.0) as i64;
        let second = from_ms.div_euclid(1_000) - warm_up_s;
        let random = Random::new(recipe.seed, second as u64);
        Self {
            recipe,
            second,
            offset_us: 0.0,
            random,
            recent: VecDeque::new(),
            not_before_ms: from_ms,
        }
    }

    fn next_moment_ms(&mut self) -> i64 {
        loop {
            let per_second = self.recipe.rate * day::busyness(self.second);
            self.offset_us += self.random.exponential(1_000_000.0 / per_second);
            if self.offset_us < 1_000_000.0 {
                return self.second * 1_000 + (self.offset_us / 1_000.0) as i64;
            }
            self.second += 1;
            self.offset_us = 0.0;
            self.random = Random::new(self.recipe.seed, self.second as u64);
        }
    }

    fn kind(&mut self) -> Kind {
        let mut dice = self.random.unit();
        let shares = [
            (self.recipe.disorder, Kind::Disordered),
            (self.recipe.late, Kind::Late),
            (self.recipe.duplicates, Kind::Duplicate),
            (self.recipe.bad, Kind::Bad),
            (OTHER_EVENTS, Kind::Other),
        ];
        for (share, kind) in shares {
            if dice < share {
                return kind;
            }
            dice -= share;
        }
        Kind::Prompt
    }

    /// Milliseconds from the creation of an order to its publication.
    fn delay_ms(&mut self, kind: Kind, at_ms: i64) -> i64 {
        match kind {
            Kind::Disordered => self.random.between(1_000, 8_000),
            Kind::Late => {
                let ended_ms = revisable_ended_ms(at_ms).filter(|_| self.random.below(5) > 0);
                match ended_ms {
                    Some(ended_ms) => ended_ms + self.random.between(1, WINDOW_MS),
                    None => FINAL_AFTER_MS + self.random.between(70_000, 830_000),
                }
            }
            _ => (self.random.exponential(120.0) as i64).min(900),
        }
    }

    fn order(&mut self, created_ms: i64) -> Order {
        let mut items: Vec<Item> = Vec::with_capacity(5);
        let count = 1 + self.random.rank(5, 2.0);
        for _ in 0..count {
            let product = catalogue::choose(&mut self.random);
            items.push(Item {
                product_id: product.id.to_owned(),
                quantity: 1 + self.random.rank(4, 0.5) as i64,
                unit_price: Money::from_minor(product.price).expect("catalogue prices are positive"),
            });
        }
        let total: i64 = items
            .iter()
            .map(|item| item.quantity * item.unit_price.minor())
            .sum();
        let mut entropy = [0; 10];
        entropy[..8].copy_from_slice(&self.random.next().to_le_bytes());
        entropy[8..].copy_from_slice(&self.random.next().to_le_bytes()[..2]);
        let id = uuid::Builder::from_unix_timestamp_millis(created_ms.unsigned_abs(), &entropy).into_uuid();
        Order::new(
            id.to_string(),
            format!("u-{}", 1 + self.random.rank(USERS, 100.0)),
            self.recipe.currency.clone(),
            Money::from_minor(total).expect("a sum of positive prices is positive"),
            items,
            Timestamp::from_millis(created_ms).expect("the generator works in present times"),
        )
        .expect("the options hold a sound currency, and the rest is made here")
    }

    /// A copy of an earlier event: as a retry of the client would make it, or astray in any partition.
    fn duplicate(&mut self, at_ms: i64) -> Option<Published> {
        let index = self.random.below(self.recent.len().max(1) as u64) as usize;
        let partition = match self.random.below(2) {
            0 => None,
            _ => Some(self.random.below(self.recipe.partitions.unsigned_abs().into()) as i32),
        };
        let (key, value) = self.recent.get(index)?.clone();
        Some(Published {
            at_ms,
            key: Some(key),
            value: Some(value),
            partition,
            kind: Kind::Duplicate,
        })
    }

    fn event(&mut self, at_ms: i64) -> Published {
        let mut kind = self.kind();
        if kind == Kind::Duplicate {
            match self.duplicate(at_ms) {
                Some(copy) => return copy,
                None => kind = Kind::Prompt,
            }
        }
        let created_ms = at_ms - self.delay_ms(kind, at_ms);
        let order = self.order(created_ms);
        let key = order.order_id().as_bytes().to_vec();
        let value = match kind {
            Kind::Bad => faults::fault(&order, &mut self.random),
            Kind::Other => Some(other_event(&order, &mut self.random)),
            _ => Some(order.to_json()),
        };
        if let (Kind::Prompt | Kind::Disordered, Some(value)) = (kind, &value) {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back((key.clone(), value.clone()));
        }
        Published {
            at_ms,
            key: Some(key),
            value,
            partition: None,
            kind,
        }
    }
}

impl Iterator for Generator {
    type Item = Published;

    fn next(&mut self) -> Option<Published> {
        loop {
            let at_ms = self.next_moment_ms();
            let event = self.event(at_ms);
            if at_ms >= self.not_before_ms {
                return Some(event);
            }
        }
    }
}

/// How long ago the window ended that is closed at this moment and can still be revised; two seconds of each minute know
/// none for certain.
fn revisable_ended_ms(at_ms: i64) -> Option<i64> {
    let this_minute_ms = at_ms.rem_euclid(WINDOW_MS);
    [this_minute_ms, this_minute_ms + WINDOW_MS]
        .into_iter()
        .find(|ended_ms| (CLOSED_AFTER_MS..FINAL_AFTER_MS).contains(ended_ms))
}

fn other_event(order: &Order, random: &mut Random) -> Vec<u8> {
    let mut draft = draft::Draft::of(order);
    let types = ["order.paid", "order.shipped", "order.cancelled"];
    draft.event_type = draft::quoted(types[random.below(types.len() as u64) as usize]);
    draft.text().into_bytes()
}

#[cfg(test)]
mod tests;
