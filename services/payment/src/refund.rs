//! Giving payments back.

use service_common::failure::{Code, Failure};
use service_common::idempotency::{self, Claim};
use weir_rpc::payment::v1::PaymentResponse;

use crate::message::response;
use crate::payments::{Payments, Shared, not_found};
use crate::process::Key;

impl Payments {
    /// An order is off: promises to give its payment back where the money was taken. Asked again, gives the same.
    ///
    /// # Errors
    /// `not_found` where the order has no such payment; or the database failed.
    pub async fn request_refund(&self, order_id: &str, id: &str) -> Result<bool, Failure> {
        let changed = self
            .change(id, |payment, now_ms| {
                (payment.purpose.order_id == order_id).then(|| payment.request_refund(now_ms))
            })
            .await?;
        let is_promised = changed.and_then(|changed| changed.value).ok_or_else(not_found)?;
        if is_promised {
            self.drive_soon(id);
        }
        Ok(is_promised)
    }

    /// Gives a payment back and cancels its order, because somebody who may decides so.
    ///
    /// # Errors
    /// `not_found`; `payment_state` where there is nothing to give back; what stands in the way of the key; or the database
    /// failed.
    pub async fn refund_by_hand(&self, id: &str, key: Option<Key>) -> Result<PaymentResponse, Failure> {
        let Shared { database, rules, .. } = &*self.shared;
        let mut transaction = match &key {
            None => database.begin().await?,
            Some(Key { scope, fingerprint }) => {
                let (transaction, claim) =
                    idempotency::claim(database, scope, fingerprint, id, rules.lease).await?;
                if let Claim::Answered(answer) = claim {
                    self.shared.metrics.replayed("RefundPayment");
                    return idempotency::decode(&answer);
                }
                transaction
            }
        };
        let changed = self
            .change_in(&mut transaction, id, |payment, now_ms| {
                payment.refund_by_hand(now_ms)
            })
            .await?;
        let changed = changed.ok_or_else(not_found)?;
        let answer = match changed.value {
            true => Ok(response(&changed.payment)),
            false => Err(Failure::new(
                Code::PaymentState,
                format!(
                    "the payment is {}; there is nothing to give back",
                    changed.payment.status.as_str()
                ),
            )),
        };
        if let Some(Key { scope, .. }) = &key {
            idempotency::keep(scope, &idempotency::encode(&answer))
                .execute(&mut transaction)
                .await?;
        }
        transaction.commit().await?;
        self.follow_up(&changed);
        if answer.is_ok() {
            self.drive_soon(id);
        }
        answer
    }
}
