//! The order service and the provider, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use payment_service::Payments;
use payment_service::desk::{self, Bill, OrderDesk};
use payment_service::payment::{Outcome, Payment, Price};
use payment_service::provider::{self, Intent, IntentState, Provider, ProviderError};
use service_common::failure::{Code, Failure};
use weir_proto::Money;

use crate::line::{Line, Lost};

/// An amount of dollars, in cents.
pub(crate) fn usd(cents: i64) -> Price {
    Price {
        amount: Money::from_minor(cents).unwrap(),
        currency: "USD".to_owned(),
    }
}

/// The states of an order that concern payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderState {
    Reserved,
    Paying,
    Paid,
    Cancelled,
    Failed,
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) user_id: String,
    pub(crate) price: Option<Price>,
    pub(crate) state: OrderState,
    pub(crate) payment: Option<String>,
    /// Whether it brought its method along: then it fails with its payment.
    pub(crate) has_method: bool,
    pub(crate) cancel_requested: bool,
    /// Whether its payment is to be given back.
    pub(crate) refund_due: bool,
}

impl Order {
    pub(crate) fn begin(&mut self, payment_id: &str, price: &Price) -> bool {
        if self.state == OrderState::Paying && self.payment.as_deref() == Some(payment_id) {
            return true;
        }
        if self.state != OrderState::Reserved || self.price.as_ref() != Some(price) {
            return false;
        }
        self.state = OrderState::Paying;
        self.payment = Some(payment_id.to_owned());
        true
    }

    pub(crate) fn settled(&mut self, payment_id: &str, outcome: Outcome) {
        if self.payment.as_deref() != Some(payment_id) {
            return;
        }
        let has_succeeded = outcome == Outcome::Charged;
        match (self.state, has_succeeded) {
            (OrderState::Paying, true) if self.cancel_requested => {
                self.state = OrderState::Cancelled;
                self.refund_due = true;
            }
            (OrderState::Paying, true) => self.state = OrderState::Paid,
            (OrderState::Paying, false) if self.cancel_requested => self.state = OrderState::Cancelled,
            (OrderState::Paying, false) if self.has_method => self.state = OrderState::Failed,
            (OrderState::Paying, false) => {
                self.state = OrderState::Reserved;
                self.payment = None;
            }
            (OrderState::Cancelled | OrderState::Failed, true) => self.refund_due = true,
            _ => {}
        }
    }

    pub(crate) fn cancel(&mut self) -> Result<(), Failure> {
        match self.state {
            OrderState::Reserved => self.state = OrderState::Cancelled,
            OrderState::Paying => self.cancel_requested = true,
            OrderState::Paid => {
                self.state = OrderState::Cancelled;
                self.refund_due = true;
            }
            OrderState::Cancelled => {}
            OrderState::Failed => return Err(Failure::new(Code::OrderState, "it has failed")),
        }
        Ok(())
    }
}

/// The order service.
#[derive(Clone)]
pub(crate) struct Desk {
    line: Line,
    orders: Arc<Mutex<BTreeMap<String, Order>>>,
}

impl Desk {
    pub(crate) fn new(line: &Line) -> Desk {
        Desk {
            line: line.clone(),
            orders: Arc::default(),
        }
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<String, Order>> {
        self.orders.lock().unwrap()
    }

    /// An order of 10 dollars, taken.
    pub(crate) fn take(&self, id: &str, user_id: &str) {
        let order = Order {
            user_id: user_id.to_owned(),
            price: Some(usd(1_000)),
            state: OrderState::Reserved,
            payment: None,
            has_method: false,
            cancel_requested: false,
            refund_due: false,
        };
        self.orders().insert(id.to_owned(), order);
    }

    pub(crate) fn change<T>(&self, id: &str, change: impl FnOnce(&mut Order) -> T) -> T {
        change(self.orders().get_mut(id).unwrap())
    }

    pub(crate) fn order(&self, id: &str) -> Order {
        self.orders()[id].clone()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.orders().keys().cloned().collect()
    }

    /// A client cancels an order.
    pub(crate) fn cancel_order(&self, id: &str) {
        self.change(id, |order| order.cancel().unwrap());
    }

    /// The order service's sweeper: asks for what it was not told, and has given back what is to be.
    pub(crate) async fn sweep(&self, payments: &Payments) {
        for id in self.ids() {
            let order = self.order(&id);
            let Some(payment_id) = order.payment else { continue };
            if order.state == OrderState::Paying
                && let Ok(payment) = payments.get(&payment_id, |_| true).await
                && let Some(outcome) = payment.status().outcome()
            {
                self.change(&id, |order| order.settled(&payment_id, outcome));
            }
            if self.order(&id).refund_due && payments.request_refund(&id, &payment_id).await == Ok(true) {
                self.change(&id, |order| order.refund_due = false);
            }
        }
    }

    async fn call<T>(
        &self,
        name: &str,
        id: &str,
        effect: impl FnOnce(&mut Order) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let answer = self.line.call(name, || {
            let mut orders = self.orders();
            let order = orders.get_mut(id);
            effect(order.ok_or_else(|| Failure::new(Code::NotFound, "there is no such order"))?)
        });
        answer.await.unwrap_or_else(|_| {
            Err(Failure::new(
                Code::Unavailable,
                "the order service cannot be reached",
            ))
        })
    }
}

impl OrderDesk for Desk {
    fn bill<'a>(&'a self, order_id: &'a str) -> desk::Answer<'a, Bill> {
        Box::pin(self.call("bill", order_id, |order| {
            Ok(Bill {
                user_id: order.user_id.clone(),
                price: order.price.clone(),
            })
        }))
    }

    fn begin<'a>(&'a self, payment: &'a Payment) -> desk::Answer<'a, bool> {
        let purpose = payment.purpose();
        Box::pin(self.call("begin", &purpose.order_id, |order| {
            Ok(order.begin(payment.id(), &purpose.price))
        }))
    }

    fn settled<'a>(&'a self, payment: &'a Payment, outcome: Outcome) -> desk::Answer<'a, ()> {
        Box::pin(self.call("settled", &payment.purpose().order_id, move |order| {
            order.settled(payment.id(), outcome);
            Ok(())
        }))
    }

    fn cancel<'a>(&'a self, order_id: &'a str) -> desk::Answer<'a, ()> {
        Box::pin(self.call("cancel", order_id, Order::cancel))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) price: Price,
    pub(crate) state: IntentState,
    /// How often money was taken by it.
    pub(crate) charges: u32,
}

#[derive(Default)]
struct Books {
    by_key: BTreeMap<String, String>,
    intents: BTreeMap<String, Held>,
    refuses_refunds: bool,
}

/// The provider. `good` and `bad` methods are charged and declined, `action` waits for the payer, `nonsense` is refused.
#[derive(Clone)]
pub(crate) struct Bank {
    line: Line,
    books: Arc<Mutex<Books>>,
}

impl Bank {
    pub(crate) fn new(line: &Line) -> Bank {
        Bank {
            line: line.clone(),
            books: Arc::default(),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// The intents that were made for a payment, under whichever of its keys.
    pub(crate) fn intents_of(&self, payment: &Payment) -> Vec<Held> {
        let books = self.books();
        let first = format!("weir-{}", payment.id());
        let later = format!("{first}-");
        let keys = books.by_key.iter();
        keys.filter(|(key, _)| **key == first || key.starts_with(&later))
            .map(|(_, id)| books.intents[id].clone())
            .collect()
    }

    /// How many intents there are.
    pub(crate) fn intents(&self) -> usize {
        self.books().intents.len()
    }

    /// The payer acts on every payment that waits for it.
    pub(crate) fn payers_act(&self, mut agrees: impl FnMut() -> bool) {
        for held in self.books().intents.values_mut() {
            if matches!(held.state, IntentState::RequiresAction { .. }) {
                match agrees() {
                    true => charge(held),
                    false => held.state = IntentState::Declined,
                }
            }
        }
    }

    pub(crate) fn refuse_refunds(&self, refuse: bool) {
        self.books().refuses_refunds = refuse;
    }

    async fn call(
        &self,
        name: &str,
        id: &str,
        effect: impl FnOnce(&mut Held, bool) -> Result<(), ProviderError>,
    ) -> Result<Intent, ProviderError> {
        let answer = self.line.call(name, || {
            let mut books = self.books();
            let refuses_refunds = books.refuses_refunds;
            let held = books.intents.get_mut(id);
            let held = held.ok_or_else(|| ProviderError::Refused("there is no such intent".to_owned()))?;
            effect(held, refuses_refunds)?;
            Ok(Intent {
                id: id.to_owned(),
                state: held.state.clone(),
            })
        });
        answer.await.unwrap_or_else(lost)
    }
}

fn lost(lost: Lost) -> Result<Intent, ProviderError> {
    Err(match lost {
        Lost::Away => ProviderError::Away("nobody is there".to_owned()),
        Lost::Unknown => ProviderError::Unknown("the line went dead".to_owned()),
    })
}

fn charge(held: &mut Held) {
    held.charges += 1;
    held.state = IntentState::Charged {
        charge_id: "ch_1".to_owned(),
    };
}

impl Provider for Bank {
    fn create<'a>(&'a self, key: &'a str, price: &'a Price) -> provider::Answer<'a, Intent> {
        let answer = self.line.call("create", move || {
            let mut books = self.books();
            let new_id = format!("pi_{}", books.intents.len() + 1);
            let id = books.by_key.entry(key.to_owned()).or_insert(new_id).clone();
            let held = books.intents.entry(id.clone()).or_insert_with(|| Held {
                price: price.clone(),
                state: IntentState::Created,
                charges: 0,
            });
            assert_eq!(&held.price, price);
            // What it answered the first time: a repeated key runs nothing anew.
            let state = IntentState::Created;
            Ok(Intent { id, state })
        });
        Box::pin(async move { answer.await.unwrap_or_else(lost) })
    }

    fn get<'a>(&'a self, intent_id: &'a str) -> provider::Answer<'a, Intent> {
        Box::pin(self.call("get", intent_id, |_, _| Ok(())))
    }

    fn confirm<'a>(&'a self, intent_id: &'a str, method: &'a str) -> provider::Answer<'a, Intent> {
        Box::pin(self.call("confirm", intent_id, move |held, _| {
            if held.state != IntentState::Created {
                return Err(ProviderError::Refused("it was confirmed before".to_owned()));
            }
            match method {
                "good" => charge(held),
                "bad" => held.state = IntentState::Declined,
                "action" => {
                    held.state = IntentState::RequiresAction {
                        next_action: "https://bank.test/act".to_owned(),
                    }
                }
                _ => return Err(ProviderError::Refused("there is no such method".to_owned())),
            }
            Ok(())
        }))
    }

    fn cancel<'a>(&'a self, intent_id: &'a str) -> provider::Answer<'a, Intent> {
        Box::pin(self.call("call off", intent_id, |held, _| {
            if matches!(
                held.state,
                IntentState::Created | IntentState::RequiresAction { .. }
            ) {
                held.state = IntentState::Cancelled;
            }
            Ok(())
        }))
    }

    fn refund<'a>(&'a self, intent_id: &'a str) -> provider::Answer<'a, Intent> {
        Box::pin(
            self.call("refund", intent_id, |held, is_refused| match &held.state {
                IntentState::Charged { charge_id } if !is_refused => {
                    let charge_id = charge_id.clone();
                    held.state = IntentState::Refunded { charge_id };
                    Ok(())
                }
                state => Err(ProviderError::Refused(format!("it is {state:?}"))),
            }),
        )
    }
}
