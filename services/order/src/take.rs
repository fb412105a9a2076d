//! Taking an order: stored as pending, its stock set aside, stored as reserved together with its event and its answer.
//!
//! The three steps are transactions of their own, so the process may die between any two. Whoever goes on, the client's next
//! attempt or the sweeper after the lease, does so under the same order id, which is what its stock is set aside under.

use std::time::Instant;

use service_common::context::spawn_own;
use service_common::database::{Statement, Transaction};
use service_common::failure::{Code, Failure};
use service_common::idempotency::{self, Claim, Fingerprint, Scope};
use sqlx::Row as _;
use weir_rpc::order::v1::OrderResponse;

use crate::message;
use crate::order::{Order, State, Stock, Wanted};
use crate::orders::{Orders, ended, kept};
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
                Begun::Order(order) => orders.finish(*order).await,
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
        let shared = &self.shared;
        let terms = shared.rules.terms();
        let id = Order::new_id();
        let (transaction, now_ms) = match &request.key {
            None => {
                let mut transaction = shared.database.begin().await?;
                let now_ms = transaction.now_ms().await?;
                (transaction, now_ms)
            }
            Some((scope, fingerprint)) => {
                let lease = shared.rules.lease;
                match idempotency::claim(&shared.database, scope, fingerprint, &id, lease).await? {
                    (transaction, Claim::First(now_ms)) => (transaction, now_ms),
                    (_, Claim::Answered(answer)) => return Ok(Begun::Answered(answer)),
                    (transaction, Claim::Resumed(id)) => {
                        // All others lock the order first and its key then: both at once, the other way round, could deadlock.
                        transaction.commit().await?;
                        return self.hold(&id).await;
                    }
                }
            }
        };
        let mut order = Order::new(id, &request.user_id, request.wanted, now_ms, terms);
        order.scope = request.key.map(|(scope, _)| scope.as_str().to_owned());
        tracing::Span::current().record("order_id", &order.id);
        transaction.commit_with(vec![store::insert(&order)?]).await?;
        Ok(Begun::Order(Box::new(order)))
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
        let (transaction, locked) = store::begin_with_lock(&self.shared.database, &order.id).await?;
        let (mut order, now_ms) =
            locked.ok_or_else(|| Failure::internal(format!("order {} is missing", order.id)))?;
        let dues_before = order.dues;
        let (stock, refusal) = match stock {
            Ok(stock) => (stock, None),
            Err(refusal) => (Stock::Refused, Some(refusal.0)),
        };
        let Some(told) = order.stock_answered(&stock, now_ms) else {
            let answer = match order.created_at_ms {
                Some(_) => Ok(message::response(&order)),
                None => Err(ended()),
            };
            return commit(transaction, Vec::new(), &order, answer).await?;
        };
        let answer = match refusal {
            None => Ok(message::response(&order)),
            Some(refusal) => Err(refusal),
        };
        let statements = self.stored(&order, told)?;
        let answer = commit(transaction, statements, &order, answer).await?;
        if answer.is_ok() {
            self.shared.metrics.order_created();
        }
        self.follow_up(&order, dues_before, told);
        answer
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

/// Commits with the answer kept, and gives the one that is: the order may have had one before, and all who ask are told the
/// same.
async fn commit(
    transaction: Transaction,
    mut statements: Vec<Statement>,
    order: &Order,
    answer: Result<OrderResponse, Failure>,
) -> Result<Result<OrderResponse, Failure>, Failure> {
    statements.extend(kept(order, &answer));
    let rows = transaction.commit_with(statements).await?;
    Ok(match rows.first() {
        Some(row) => idempotency::decode(row.try_get("answer")?),
        None => answer,
    })
}
