//! Stock and payments as an order sees them: they keep what they promise, and their answers get lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use order_service::order::{Order, Stock};
use order_service::remote::{Answer, Cashier, Refusal, Settlement, Warehouse};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use service_common::failure::{Code, Failure};
use weir_proto::Money;

/// The price of everything, in cents.
pub(crate) const PRICE: i64 = 1_000;

/// What has become of an order's reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reservation {
    Live,
    Sold,
    Out,
    Gone,
}

/// How a payment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) order_id: String,
    pub(crate) settlement: Settlement,
    pub(crate) is_refunded: bool,
}

#[derive(Debug)]
pub(crate) struct World {
    random: SmallRng,
    /// How many of a hundred calls get lost before, and as many after, they took effect.
    pub(crate) lost_percent: u32,
    pub(crate) stock: i64,
    pub(crate) reservations: HashMap<String, (Reservation, i64)>,
    pub(crate) payments: BTreeMap<String, Payment>,
}

/// The others, as all instances of the service see them.
#[derive(Clone, Debug)]
pub(crate) struct Others(Arc<Mutex<World>>);

impl Others {
    pub(crate) fn new(seed: u64, stock: i64, lost_percent: u32) -> Others {
        Others(Arc::new(Mutex::new(World {
            random: SmallRng::seed_from_u64(seed),
            lost_percent,
            stock,
            reservations: HashMap::new(),
            payments: BTreeMap::new(),
        })))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// A call that may get lost before or after it took effect, and takes its time.
    async fn call<T>(&self, effect: impl FnOnce(&mut World) -> T) -> Result<T, Failure> {
        let lost = || Failure::new(Code::Unavailable, "lost");
        let (luck, pauses) = {
            let mut world = self.world();
            (
                world.random.random_range(0..100),
                [0; 2].map(|_| world.random.random_range(0..4)),
            )
        };
        let percent = self.world().lost_percent;
        tokio::time::sleep(Duration::from_millis(pauses[0])).await;
        if luck < percent {
            return Err(lost());
        }
        let value = effect(&mut self.world());
        tokio::time::sleep(Duration::from_millis(pauses[1])).await;
        if luck < 2 * percent {
            return Err(lost());
        }
        Ok(value)
    }
}

impl Warehouse for Others {
    fn reserve<'a>(&'a self, order: &'a Order) -> Answer<'a, Result<Stock, Refusal>> {
        let wanted = order.items();
        let lines = wanted.len();
        let quantity: i64 = wanted.iter().map(|(_, quantity)| i64::from(*quantity)).sum();
        Box::pin(async move {
            let outcome = self.call(|world| world.reserve(order.id(), quantity)).await?;
            Ok(match outcome {
                Reservation::Live | Reservation::Sold => Ok(Stock::Reserved {
                    prices: vec![Money::from_minor(PRICE).unwrap(); lines],
                    total: Money::from_minor(PRICE * quantity).unwrap(),
                    currency: "USD".to_owned(),
                }),
                Reservation::Out => Err(Refusal(Failure::new(Code::OutOfStock, "too little stock"))),
                Reservation::Gone => Err(Refusal(Failure::new(Code::OrderEnded, "the order has ended"))),
            })
        })
    }

    fn release<'a>(&'a self, order_id: &'a str) -> Answer<'a, ()> {
        Box::pin(self.call(|world| world.release(order_id)))
    }

    fn sell<'a>(&'a self, order_id: &'a str) -> Answer<'a, ()> {
        Box::pin(self.call(|world| world.sell(order_id)))
    }
}

impl World {
    fn reserve(&mut self, order_id: &str, quantity: i64) -> Reservation {
        if let Some((reservation, _)) = self.reservations.get(order_id) {
            return *reservation;
        }
        let reservation = match self.stock >= quantity {
            true => Reservation::Live,
            false => Reservation::Out,
        };
        if reservation == Reservation::Live {
            self.stock -= quantity;
        }
        self.reservations
            .insert(order_id.to_owned(), (reservation, quantity));
        reservation
    }

    fn release(&mut self, order_id: &str) {
        let entry = self
            .reservations
            .entry(order_id.to_owned())
            .or_insert((Reservation::Gone, 0));
        if matches!(entry.0, Reservation::Live | Reservation::Sold) {
            self.stock += entry.1;
        }
        entry.0 = Reservation::Gone;
    }

    fn sell(&mut self, order_id: &str) {
        if let Some((reservation @ Reservation::Live, _)) = self.reservations.get_mut(order_id) {
            *reservation = Reservation::Sold;
        }
    }
}

impl Cashier for Others {
    fn pay<'a>(&'a self, order: &'a Order) -> Answer<'a, ()> {
        Box::pin(self.call(|world| {
            let open = Payment {
                order_id: order.id().to_owned(),
                settlement: Settlement::Open,
                is_refunded: false,
            };
            world
                .payments
                .entry(order.own_payment_id().to_owned())
                .or_insert(open);
        }))
    }

    fn ask<'a>(&'a self, payment_id: &'a str) -> Answer<'a, Settlement> {
        Box::pin(self.call(|world| {
            let payment = world.payments.get(payment_id);
            payment.map_or(Settlement::Open, |payment| payment.settlement)
        }))
    }

    fn refund<'a>(&'a self, _order_id: &'a str, payment_id: &'a str) -> Answer<'a, bool> {
        Box::pin(self.call(|world| match world.payments.get_mut(payment_id) {
            Some(payment) if payment.settlement == Settlement::Succeeded => {
                payment.is_refunded = true;
                true
            }
            _ => false,
        }))
    }
}
