//! Taking an order: stored as pending, its stock set aside, stored as reserved together with its event and its answer.
//!
//! The three steps are transactions of their own, so the process may die between any two. Whoever goes on, the client's next
//! attempt or the sweeper after the lease, does so under the same order id, which is what its stock is set aside under.

use std::time::{Duration, Instant};

use service_common::context::spawn_own;
use service_common::database::{Row, Statement};
use service_common::failure::{Code, Failure};
use service_common::idempotency::{self, Claim, Fingerprint, Scope};
use sqlx::Row as _;
use weir_rpc::order::v1::OrderResponse;

use crate::message;
use crate::order::{Change, Dues, Order, State, Stock, Terms, Wanted};
use crate::orders::{Orders, ended, kept};
use crate::remote::Refusal;
use crate::store;

/// A request for an order.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who orders.
    pub user_id: String,
    /// What.
    pub wanted: Wanted,
    /// The idempotency key and what it must come with again.
    pub key: Option<(Scope, Fingerprint)>,
}

/// An order that was not stored yet.
#[derive(Clone)]
struct New {
    id: String,
    request: Request,
    terms: Terms,
}

impl New {
    fn order(&self, now_ms: i64) -> Order {
        let Request { user_id, wanted, key } = &self.request;
        let mut order = Order::new(self.id.clone(), user_id, wanted.clone(), now_ms, self.terms);
        order.scope = key.as_ref().map(|(scope, _)| scope.as_str().to_owned());
        order
    }

    /// Stores it where its key was claimed for it; else looks at the key.
    fn claimed(
        &self,
        rows: &[Row],
        lease: Duration,
        look: &Statement,
    ) -> Result<(Vec<Statement>, Option<Order>), Failure> {
        let Some(now_ms) = idempotency::claimed_at_ms(rows, lease)? else {
            return Ok((vec![look.clone()], None));
        };
        let order = self.order(now_ms);
        Ok((vec![store::insert(&order)?], Some(order)))
    }
}

/// An order whose stock was answered for.
struct Taken {
    order: Order,
    answer: Result<OrderResponse, Failure>,
    dues_before: Dues,
    /// `None`: it was taken before, or has ended.
    told: Option<Option<Change>>,
}

/// How an order came to the step before its stock is asked for.
enum Begun {
    /// It is to be gone on with.
    Order(Box<Order>),
    /// Its answer was kept.
    Answered(String),
}

impl Orders {
    /// Takes an order. The work goes on when its caller hangs up.
    ///
    /// # Errors
    /// What stands in the way. `unavailable` and `timeout` are not final: the order may still be taken.
    pub async fn take(&self, request: Request) -> Result<OrderResponse, Failure> {
        let orders = self.clone();
        let started = Instant::now();
        let metrics = self.shared.metrics.clone();
        let work = async move {
            match orders.begin(request).await? {
                Begun::Answered(answer) => {
                    orders.shared.metrics.replayed("CreateOrder");
                    idempotency::decode(&answer)
                }
                Begun::Order(order) => {
                    tracing::Span::current().record("order_id", &order.id);
                    orders.finish(*order).await
                }
            }
        };
        let limit = self.shared.rules.work;
        let task = spawn_own(limit, async move { tokio::time::timeout(limit, work).await });
        let answer = task.await.map_err(Failure::internal)?;
        metrics.order_operation("create", started.elapsed());
        answer.unwrap_or_else(|_| {
            Err(Failure::new(
                Code::Timeout,
                "the order could not be taken in time",
            ))
        })
    }

    /// The first transaction: the key is claimed and the order stored, or found.
    async fn begin(&self, request: Request) -> Result<Begun, Failure> {
        let database = &self.shared.database;
        let lease = self.shared.rules.lease;
        let id = Order::new_id();
        let terms = self.shared.rules.terms();
        let new = New { id, request, terms };
        let Some((scope, fingerprint)) = new.request.key.clone() else {
            let mut transaction = database.begin().await?;
            let order = new.order(transaction.now_ms().await?);
            transaction.commit_with(vec![store::insert(&order)?]).await?;
            return Ok(Begun::Order(Box::new(order)));
        };
        let claim = idempotency::store(database, &scope, &fingerprint, &new.id, lease);
        let (first, look) = (new.clone(), idempotency::look(database, &scope));
        let decide = move |rows: &[Row]| first.claimed(rows, lease, &look);
        let (order, rows) = database.transact(scope.as_str(), vec![claim], decide).await?;
        if let Some(order) = order {
            return Ok(Begun::Order(Box::new(order)));
        }
        if let Some(answer) = idempotency::answered(&rows, &fingerprint)? {
            return Ok(Begun::Answered(answer));
        }
        match idempotency::claim(database, &scope, &fingerprint, &new.id, lease).await? {
            (_, Claim::Answered(answer)) => Ok(Begun::Answered(answer)),
            (transaction, Claim::Resumed(id)) => {
                // All others lock the order first and its key then: both at once, the other way round, could deadlock.
                transaction.commit().await?;
                self.hold(&id).await
            }
            // Its answer was kept long enough a moment later.
            (transaction, Claim::First(now_ms)) => {
                let order = new.order(now_ms);
                transaction.commit_with(vec![store::insert(&order)?]).await?;
                Ok(Begun::Order(Box::new(order)))
            }
        }
    }

    /// An order that was begun before is held for whoever goes on with it now.
    async fn hold(&self, id: &str) -> Result<Begun, Failure> {
        let terms = self.shared.rules.terms();
        let held = self.change(id, |order, now_ms| {
            if order.state == State::Pending {
                order.hold(now_ms, terms.lease_ms);
            }
            (None, ())
        });
        let (order, ()) = held
            .await?
            .ok_or_else(|| Failure::internal(format!("order {id} is missing")))?;
        Ok(Begun::Order(Box::new(order)))
    }

    /// The other two steps.
    pub(crate) async fn finish(&self, order: Order) -> Result<OrderResponse, Failure> {
        let started = Instant::now();
        let stock = match order.state {
            State::Pending => self.shared.warehouse.reserve(&order).await,
            // Somebody else was quicker; only the answer is missing.
            _ => Ok(Ok(Stock::Refused)),
        };
        self.shared.metrics.order_operation("reserve", started.elapsed());
        let stock = match stock {
            Ok(stock) => stock,
            Err(failure) => {
                self.let_go(&order).await?;
                return Err(failure);
            }
        };
        let decide = {
            let orders = self.clone();
            let id = order.id.clone();
            move |rows: &[Row]| {
                let locked = store::locked(rows)?;
                let locked = locked.ok_or_else(|| Failure::internal(format!("order {id} is missing")))?;
                orders.taken(locked, &stock)
            }
        };
        let lock = store::lock(&self.shared.database, &order.id);
        let (taken, rows) = self
            .shared
            .database
            .transact(&order.id, vec![lock], decide)
            .await?;
        let answer = match rows.first() {
            // The order may have had an answer before, and all who ask are told the same.
            Some(row) => idempotency::decode(row.try_get("answer")?),
            None => taken.answer,
        };
        if let Some(told) = taken.told {
            if answer.is_ok() {
                self.shared.metrics.order_created();
            }
            self.follow_up(&taken.order, taken.dues_before, told);
        }
        answer
    }

    /// What becomes of an order that was locked, by the answer about its stock: what is to be stored, and what is told then.
    fn taken(
        &self,
        (mut order, now_ms): (Order, i64),
        stock: &Result<Stock, Refusal>,
    ) -> Result<(Vec<Statement>, Taken), Failure> {
        let dues_before = order.dues;
        let told = order.stock_answered(stock.as_ref().unwrap_or(&Stock::Refused), now_ms);
        let (mut statements, answer) = match (told, stock) {
            (Some(told), Ok(_)) => (self.stored(&order, told)?, Ok(message::response(&order))),
            (Some(told), Err(Refusal(refusal))) => (self.stored(&order, told)?, Err(refusal.clone())),
            (None, _) if order.created_at_ms.is_some() => (Vec::new(), Ok(message::response(&order))),
            (None, _) => (Vec::new(), Err(ended())),
        };
        statements.extend(kept(&order, &answer));
        let taken = Taken {
            order,
            answer,
            dues_before,
            told,
        };
        Ok((statements, taken))
    }

    /// Nobody is at the order any more: its client may try again at once, the sweeper does so after a while.
    async fn let_go(&self, order: &Order) -> Result<(), Failure> {
        let (mut transaction, locked) = store::begin_with_lock(&self.shared.database, &order.id).await?;
        let Some((mut locked, now_ms)) = locked else {
            return Ok(());
        };
        if locked.state != State::Pending {
            return Ok(());
        }
        locked.lease_until_ms = now_ms;
        locked.postpone(now_ms);
        store::save(&locked)?.execute(&mut transaction).await?;
        if let Some(scope) = &locked.scope {
            idempotency::let_go(&mut transaction, &Scope::stored(scope.clone())).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
