//! The sweeper: looks at every order whose time has come and does what nobody else has done.

use std::time::Duration;

use service_common::context::spawn_own;
use service_common::failure::Failure;
use service_common::idempotency;
use service_common::server::Stopping;

use crate::order::{Due, Order, State};
use crate::orders::Orders;
use crate::remote::Settlement;
use crate::store;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);
/// How many orders it looks at together.
const BATCH: i64 = 32;
/// How long other sweepers leave an order alone that one has begun with.
const LEASE_MS: i64 = 15_000;
/// How long the work on one order may take: below the lease.
const WORK: Duration = Duration::from_secs(10);
/// How often answers that were kept long enough are deleted.
const HOUSEKEEPING: Duration = Duration::from_secs(300);

impl Orders {
    /// Looks at orders until told to stop.
    pub async fn attend(self, stopping: Stopping) {
        let mut kept_house = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(failure) = self.attend_overdue(&stopping).await {
                tracing::warn!(%failure, "the orders that need attention cannot be read; they wait");
            }
            if kept_house.elapsed() >= HOUSEKEEPING {
                kept_house = tokio::time::Instant::now();
                if let Err(error) = idempotency::sweep(&self.shared.database).await {
                    tracing::warn!(%error, "old idempotency keys cannot be deleted; later again");
                }
            }
        }
    }

    /// Looks at all orders whose time has come, once.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn attend_overdue(&self, stopping: &Stopping) -> Result<(), Failure> {
        loop {
            let overdue = store::claim_overdue(&self.shared.database, LEASE_MS, BATCH).await?;
            let many = overdue.len();
            let tasks: Vec<_> = overdue
                .into_iter()
                .map(|order| {
                    let orders = self.clone();
                    spawn_own(WORK, async move {
                        let id = order.id.clone();
                        if tokio::time::timeout(WORK, orders.attend_to(order)).await.is_err() {
                            tracing::warn!(order_id = id, "attending to an order took too long; later again");
                        }
                    })
                })
                .collect();
            for task in tasks {
                // One that panicked has said so; its order comes again after the lease.
                let _ = task.await;
            }
            if stopping.is_cancelled() || i64::try_from(many).unwrap_or(0) < BATCH {
                return Ok(());
            }
        }
    }

    /// Does for one order whatever its time has come for.
    async fn attend_to(&self, order: Order) {
        let id = order.id.clone();
        let done = match order.state {
            State::Pending | State::Reserved => self.expire_or_finish(order).await,
            State::Paying => self.ask_for_payment(order).await,
            State::Paid | State::Confirmed | State::Cancelled | State::Failed => Ok(Some(order)),
        };
        match done {
            Ok(Some(order)) if !order.dues.is_empty() => self.settle_dues(order).await,
            Ok(_) => {}
            Err(failure) => {
                tracing::warn!(order_id = id, %failure, "an order cannot be attended to; later again");
                self.postpone(&id).await;
            }
        }
    }

    /// Ends an order whose time is up, or goes on with one that nobody is at.
    async fn expire_or_finish(&self, order: Order) -> Result<Option<Order>, Failure> {
        let lease_ms = self.shared.rules.terms().lease_ms;
        let changed = self
            .change(&order.id, |order, now_ms| {
                let told = order.expire(now_ms);
                let is_left = order.state == State::Pending && order.lease_until_ms <= now_ms;
                let has_ended = order.state.is_over();
                if is_left {
                    order.hold(now_ms, lease_ms);
                } else if !has_ended {
                    order.look_later(now_ms);
                }
                (told, (is_left, has_ended))
            })
            .await?;
        match changed {
            Some((order, (true, _))) => {
                // A refusal is an end as well, and was stored.
                match self.finish(order).await {
                    Err(failure) if !failure.is_final() => Err(failure),
                    _ => Ok(None),
                }
            }
            Some((order, (false, false))) => Ok(Some(order)),
            // What the end made due was begun with it.
            Some((_, (false, true))) | None => Ok(None),
        }
    }

    /// Pulls as well as being pushed: neither a begin that came late nor a result that was lost strands an order.
    async fn ask_for_payment(&self, order: Order) -> Result<Option<Order>, Failure> {
        let Some(payment_id) = order.payment_id.clone() else {
            return Err(Failure::internal(format!(
                "order {} is paid by no payment",
                order.id
            )));
        };
        match self.shared.cashier.ask(&payment_id).await? {
            Settlement::Open => {
                self.postpone(&order.id).await;
                Ok(None)
            }
            settlement => {
                self.payment_settled(&order.id, &payment_id, settlement == Settlement::Succeeded)
                    .await?;
                Ok(None)
            }
        }
    }

    /// Does what is due for an order, one after the other.
    pub(crate) async fn settle_dues(&self, order: Order) {
        for due in Due::ALL.into_iter().filter(|due| order.dues.contains(*due)) {
            match self.settle(&order, due).await {
                Ok(true) => {}
                Ok(false) => self.postpone(&order.id).await,
                Err(failure) => {
                    tracing::warn!(order_id = order.id, ?due, %failure, "what is due for an order cannot be done; later again");
                    self.postpone(&order.id).await;
                }
            }
        }
    }

    /// Does one thing; false where it cannot be done yet.
    async fn settle(&self, order: &Order, due: Due) -> Result<bool, Failure> {
        let shared = &self.shared;
        match due {
            Due::Release => shared.warehouse.release(&order.id).await?,
            Due::Sell => shared.warehouse.sell(&order.id).await?,
            Due::Pay => shared.cashier.pay(order).await?,
            Due::Refund => {
                let payment_id = order.payment_id.as_deref();
                let payment_id = payment_id
                    .ok_or_else(|| Failure::internal(format!("order {} has no payment", order.id)))?;
                if !shared.cashier.refund(&order.id, payment_id).await? {
                    return Ok(false);
                }
            }
        }
        self.change(&order.id, |order, now_ms| {
            // Another may have done it as well, or it is not to be done any more.
            if order.dues.contains(due) {
                order.done(due, now_ms);
            }
            (None, ())
        })
        .await?;
        Ok(true)
    }

    async fn postpone(&self, id: &str) {
        let postponed = self
            .change(id, |order, now_ms| {
                order.postpone(now_ms);
                (None, ())
            })
            .await;
        if let Err(failure) = postponed {
            // The lease of the sweeper runs out then.
            tracing::warn!(order_id = id, %failure, "an order cannot be postponed");
        }
    }
}
