//! Promising an order to pay it by the method that it brought along.

use service_common::failure::{Code, Failure};

use crate::payment::{Payment, Purpose};
use crate::payments::{Payments, another_is_live};
use crate::store::{self, Inserted};

/// What an order asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Chosen by the order, so that asking again makes no second payment.
    pub payment_id: String,
    /// What is to be paid.
    pub purpose: Purpose,
}

impl Payments {
    /// Promises to pay an order: what is stored is gone on with, whatever happens. Asked again, gives the same payment.
    ///
    /// # Errors
    /// `payment_live` where another payment of the order is; `payment_state` where the id is another order's; or the
    /// database failed.
    pub async fn accept(&self, asked: Asked) -> Result<Payment, Failure> {
        let Asked {
            payment_id: id,
            purpose,
        } = asked;
        let mut transaction = self.shared.database.begin().await?;
        let now_ms = transaction.now_ms().await?;
        let payment = Payment::new(id, purpose, now_ms);
        if store::insert(&mut transaction, &payment).await? == Inserted::Yes {
            transaction.commit().await?;
            self.drive_soon(&payment.id);
            return Ok(payment);
        }
        match store::lock(&mut transaction, &payment.id).await? {
            Some(found) if found.purpose.order_id == payment.purpose.order_id => Ok(found),
            Some(_) => Err(Failure::new(
                Code::PaymentState,
                format!("payment {} is of another order", payment.id),
            )),
            None => Err(another_is_live()),
        }
    }
}
