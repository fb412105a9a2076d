//! The core of the service: what is done with payments, whoever asks for it.

use std::sync::Arc;
use std::time::Duration;

use service_common::context::aside;
use service_common::database::{Database, Transaction};
use service_common::failure::{Code, Failure};
use service_common::idempotency::{self, Scope};
use service_common::metrics::Metrics;
use service_common::outbox::{self, Outbox};
use service_common::secret::MacKey;
use service_common::server::Lifecycle;

use crate::desk::OrderDesk;
use crate::message::response;
use crate::notice::notice;
use crate::observed::Observed;
use crate::payment::{Payment, Status};
use crate::provider::Provider;
use crate::store;
use crate::stripe::Keys;

/// How payments are worked on.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The topic of what users are told.
    pub topic: String,
    /// How long a driver has before another may take over.
    pub lease: Duration,
    /// How long a drive may take: below the lease.
    pub work: Duration,
    /// How long the sender of a payment waits for what becomes of it.
    pub patience: Duration,
    /// How long a payer may take over an action.
    pub action_time: Duration,
    /// How often a refund is tried.
    pub refund_attempts: u16,
    /// What the provider signs its webhooks with.
    pub webhooks: Keys,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            topic: "notifications".to_owned(),
            lease: Duration::from_secs(20),
            work: Duration::from_secs(12),
            patience: Duration::from_secs(3),
            action_time: Duration::from_secs(15 * 60),
            refund_attempts: 12,
            webhooks: Keys::default(),
        }
    }
}

impl Rules {
    pub(crate) fn lease_ms(&self) -> i64 {
        millis(self.lease)
    }

    pub(crate) fn action_ms(&self) -> i64 {
        millis(self.action_time)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// All payments. Cheap to clone.
#[derive(Clone)]
pub struct Payments {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) outbox: Outbox,
    pub(crate) desk: Box<dyn OrderDesk>,
    pub(crate) provider: Box<dyn Provider>,
    pub(crate) secret: MacKey,
    pub(crate) rules: Rules,
    pub(crate) metrics: Metrics,
    pub(crate) lifecycle: Lifecycle,
}

/// What payments need.
pub struct Needs {
    /// With the schema [`store::STEPS`].
    pub database: Database,
    /// Of that database.
    pub outbox: Outbox,
    /// Where orders are.
    pub desk: Box<dyn OrderDesk>,
    /// Where the money is.
    pub provider: Box<dyn Provider>,
    /// For fingerprints of requests.
    pub secret: MacKey,
    /// How they are worked on.
    pub rules: Rules,
    /// Of this service.
    pub metrics: Metrics,
    /// Whose end ends the work.
    pub lifecycle: Lifecycle,
}

/// A payment that was changed under its lock, and what the change gave.
pub(crate) struct Changed<T> {
    pub(crate) payment: Payment,
    pub(crate) value: T,
    /// What it has become by the change.
    entered: Option<Status>,
}

impl Payments {
    /// Over this database, with these others.
    #[must_use]
    pub fn new(needs: Needs) -> Payments {
        Payments {
            shared: Arc::new(Shared {
                database: needs.database,
                outbox: needs.outbox,
                desk: needs.desk,
                provider: Box::new(Observed::new(needs.provider, &needs.metrics)),
                secret: needs.secret,
                rules: needs.rules,
                metrics: needs.metrics,
                lifecycle: needs.lifecycle,
            }),
        }
    }

    /// A payment, if `may` lets the caller see it.
    ///
    /// # Errors
    /// `not_found`, also where it is another's; or the database failed.
    pub async fn get(&self, id: &str, may: impl FnOnce(&Payment) -> bool) -> Result<Payment, Failure> {
        let payment = store::get(&self.shared.database, id).await?;
        payment.filter(may).ok_or_else(not_found)
    }

    /// Changes a payment under its lock, and stores with it what its user is told of the change. Gives `None` where there
    /// is no such payment.
    ///
    /// # Errors
    /// The database failed: whether anything was stored is not known.
    pub(crate) async fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Payment, i64) -> T,
    ) -> Result<Option<Changed<T>>, Failure> {
        let mut transaction = self.shared.database.begin().await?;
        let Some(changed) = self.change_in(&mut transaction, id, change).await? else {
            return Ok(None);
        };
        transaction.commit().await?;
        self.follow_up(&changed);
        Ok(Some(changed))
    }

    /// The same within a transaction. After the commit, call [`Payments::follow_up`].
    pub(crate) async fn change_in<T>(
        &self,
        transaction: &mut Transaction,
        id: &str,
        change: impl FnOnce(&mut Payment, i64) -> T,
    ) -> Result<Option<Changed<T>>, Failure> {
        let Some(mut payment) = store::lock(transaction, id).await? else {
            return Ok(None);
        };
        let now_ms = transaction.now_ms().await?;
        let before = payment.clone();
        let value = change(&mut payment, now_ms);
        let entered = (payment.status != before.status).then_some(payment.status);
        if payment != before {
            store::save(transaction, &payment).await?;
            let told = entered.and_then(|_| notice(&self.shared.rules.topic, &payment));
            if let Some(event) = told {
                outbox::append(&event).execute(transaction).await?;
            }
            self.keep_answer(transaction, &payment).await?;
        }
        Ok(Some(Changed {
            payment,
            value,
            entered,
        }))
    }

    /// What a payment has become when its driver lets go of it is the answer to the request that it came with, unless that
    /// was given before: its sender may have lost patience, or the process that was to answer may be gone.
    async fn keep_answer(&self, transaction: &mut Transaction, payment: &Payment) -> sqlx::Result<()> {
        match &payment.scope {
            Some(scope) if payment.lease.is_none() && payment.status != Status::Processing => {
                let scope = Scope::stored(scope.clone());
                let answer = idempotency::encode(&Ok(response(payment)));
                idempotency::keep(&scope, &answer).execute(transaction).await?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// After the commit: what was written is published, what has happened is counted.
    pub(crate) fn follow_up<T>(&self, changed: &Changed<T>) {
        let Some(status) = changed.entered else { return };
        self.shared.outbox.wake();
        if status.is_counted() {
            self.shared.metrics.payment(status.as_str());
        }
        if status == Status::RefundFailed {
            let (id, order_id) = (&changed.payment.id, &changed.payment.purpose.order_id);
            tracing::error!(
                payment_id = id,
                order_id,
                "a payment cannot be given back; refund it by hand"
            );
        }
    }

    /// Goes on with a payment now, without waiting for it.
    pub(crate) fn drive_soon(&self, id: &str) {
        let (payments, id) = (self.clone(), id.to_owned());
        self.shared
            .lifecycle
            .spawn(aside(async move { payments.drive(&id).await }));
    }
}

pub(crate) fn not_found() -> Failure {
    Failure::new(Code::NotFound, "there is no such payment")
}

/// What the sender of a payment learns whose order has another.
pub(crate) fn another_is_live() -> Failure {
    Failure::new(
        Code::PaymentLive,
        "another payment of the order is under way, or has succeeded",
    )
}
