//! The core of the service: what is done with orders, whoever asks for it.

use std::sync::Arc;
use std::time::Duration;

use service_common::context::aside;
use service_common::database::{Database, Statement};
use service_common::failure::{Code, Failure};
use service_common::idempotency::{self, Scope};
use service_common::metrics::Metrics;
use service_common::outbox::{self, Outbox};
use service_common::secret::MacKey;
use service_common::server::Lifecycle;
use weir_rpc::order::v1::OrderResponse;

use crate::event::event;
use crate::order::{Change, Dues, EXPIRY_MS, Order, State, Terms};
use crate::remote::{Cashier, Warehouse};
use crate::store;

/// How orders are worked on.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The topic of their events.
    pub topic: String,
    /// How long one who begins to take an order has before another may go on with it.
    pub lease: Duration,
    /// How long an order may stay unpaid: then it expires.
    pub unpaid: Duration,
    /// How long taking an order may take, whether or not anybody still waits for it.
    pub work: Duration,
}

impl Rules {
    /// The same, in milliseconds.
    pub(crate) fn terms(&self) -> Terms {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4);
        Terms {
            lease_ms: ms(self.lease),
            unpaid_ms: ms(self.unpaid),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            topic: "orders".to_owned(),
            lease: Duration::from_secs(20),
            unpaid: Duration::from_millis(EXPIRY_MS.unsigned_abs()),
            work: Duration::from_secs(10),
        }
    }
}

/// All orders. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) outbox: Outbox,
    pub(crate) warehouse: Box<dyn Warehouse>,
    pub(crate) cashier: Box<dyn Cashier>,
    pub(crate) secret: MacKey,
    pub(crate) rules: Rules,
    pub(crate) metrics: Metrics,
    pub(crate) lifecycle: Lifecycle,
}

/// What orders need.
pub struct Needs {
    /// With the schema [`store::STEPS`].
    pub database: Database,
    /// Of that database.
    pub outbox: Outbox,
    /// Where stock is set aside.
    pub warehouse: Box<dyn Warehouse>,
    /// Where payments are made.
    pub cashier: Box<dyn Cashier>,
    /// For fingerprints of requests.
    pub secret: MacKey,
    /// How they are worked on.
    pub rules: Rules,
    /// Of this service.
    pub metrics: Metrics,
    /// Whose end ends the work.
    pub lifecycle: Lifecycle,
}

impl Orders {
    /// Over this database, with these others.
    #[must_use]
    pub fn new(needs: Needs) -> Orders {
        Orders {
            shared: Arc::new(Shared {
                database: needs.database,
                outbox: needs.outbox,
                warehouse: needs.warehouse,
                cashier: needs.cashier,
                secret: needs.secret,
                rules: needs.rules,
                metrics: needs.metrics,
                lifecycle: needs.lifecycle,
            }),
        }
    }

    /// Changes an order under its lock and stores with it the event that tells of the change. Gives the order as it is then,
    /// and what the change gave; `None` where there is no such order.
    ///
    /// # Errors
    /// The database failed: whether anything was stored is not known.
    pub(crate) async fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Order, i64) -> (Option<Change>, T),
    ) -> Result<Option<(Order, T)>, Failure> {
        let shared = &self.shared;
        let (transaction, locked) = store::begin_with_lock(&shared.database, id).await?;
        let Some((mut order, now_ms)) = locked else {
            return Ok(None);
        };
        let before = order.clone();
        let (told, value) = change(&mut order, now_ms);
        if order == before {
            return Ok(Some((order, value)));
        }
        let mut statements = self.stored(&order, told)?;
        if matches!(order.state, State::Cancelled | State::Failed) {
            statements.extend(kept(&order, &Err(ended())));
        }
        transaction.commit_with(statements).await?;
        self.follow_up(&order, before.dues, told);
        Ok(Some((order, value)))
    }

    /// Stores a changed order, and the event that tells of it.
    pub(crate) fn stored(&self, order: &Order, told: Option<Change>) -> Result<Vec<Statement>, Failure> {
        let mut statements = vec![store::save(order)?];
        if let Some(told) = told {
            let event = event(&self.shared.rules.topic, order, told)?;
            statements.push(outbox::append(&event));
        }
        Ok(statements)
    }

    /// After the commit: what was written is published, what has become due is begun.
    pub(crate) fn follow_up(&self, order: &Order, dues_before: Dues, told: Option<Change>) {
        if told.is_some() {
            self.shared.outbox.wake();
        }
        if order.dues.has_more_than(dues_before) {
            let orders = self.clone();
            let order = order.clone();
            self.shared
                .lifecycle
                .spawn(aside(async move { orders.settle_dues(order).await }));
        }
    }
}

/// Keeps the answer to the request that the order came with, where that had a key; its row is the answer that is kept.
pub(crate) fn kept(order: &Order, answer: &Result<OrderResponse, Failure>) -> Option<Statement> {
    let scope = Scope::stored(order.scope.clone()?);
    Some(idempotency::keep(&scope, &idempotency::encode(answer)))
}

/// What the sender of a request learns whose order ended before it was taken.
pub(crate) fn ended() -> Failure {
    Failure::new(Code::OrderEnded, "the order ended before it was taken")
}
