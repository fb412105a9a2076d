//! Payments as messages of the contract.

use weir_rpc::common::v1 as common;
use weir_rpc::payment::v1 as rpc;

use crate::payment::{Payment, Price, Status};

/// A payment as it is answered.
#[must_use]
pub(crate) fn response(payment: &Payment) -> rpc::PaymentResponse {
    let next_action = payment
        .next_action
        .clone()
        .filter(|_| payment.status == Status::RequiresAction);
    rpc::PaymentResponse {
        payment_id: payment.id.clone(),
        order_id: payment.purpose.order_id.clone(),
        amount: Some(payment.purpose.price.clone().into()),
        status: payment.status.to_rpc().into(),
        transaction_id: payment.charge_id.clone().unwrap_or_default(),
        next_action: next_action.unwrap_or_default(),
    }
}

impl From<Price> for common::Money {
    fn from(price: Price) -> Self {
        Self {
            minor_units: price.amount.minor(),
            currency: price.currency,
        }
    }
}
