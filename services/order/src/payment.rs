//! What payments do to an order.

use service_common::failure::{Code, Failure};
use weir_proto::Money;

use crate::order::{Begun, Order};
use crate::orders::Orders;

impl Orders {
    /// Whether a payment may take this amount for an order; from then on the order waits for it.
    ///
    /// # Errors
    /// `not_found`, or the database failed.
    pub async fn begin_payment(
        &self,
        id: &str,
        payment_id: &str,
        amount: Money,
        currency: &str,
    ) -> Result<Begun, Failure> {
        let changed = self
            .change(id, |order, now_ms| {
                (None, order.begin_payment(payment_id, amount, currency, now_ms))
            })
            .await?;
        changed.map(|(_, begun)| begun).ok_or_else(not_found)
    }

    /// A payment has ended.
    ///
    /// # Errors
    /// `not_found`, or the database failed.
    pub async fn payment_settled(
        &self,
        id: &str,
        payment_id: &str,
        has_succeeded: bool,
    ) -> Result<(), Failure> {
        let unpaid_ms = self.shared.rules.terms().unpaid_ms;
        let changed = self
            .change(id, |order, now_ms| {
                (
                    order.payment_settled(payment_id, has_succeeded, now_ms, unpaid_ms),
                    (),
                )
            })
            .await?;
        changed.map(|_| ()).ok_or_else(not_found)
    }

    /// Calls an order off, if `may` lets the caller.
    ///
    /// # Errors
    /// `not_found`, also where it is another's; or the database failed.
    pub async fn cancel(&self, id: &str, may: impl FnOnce(&Order) -> bool) -> Result<Order, Failure> {
        let changed = self
            .change(id, |order, now_ms| match may(order) {
                true => (order.cancel(now_ms), true),
                false => (None, false),
            })
            .await?;
        match changed {
            Some((order, true)) => Ok(order),
            Some((_, false)) | None => Err(not_found()),
        }
    }
}

pub(crate) fn not_found() -> Failure {
    Failure::new(Code::NotFound, "there is no such order")
}
