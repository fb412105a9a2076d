//! Requests, judged: all their faults at once.

use service_common::failure::{Failure, FieldFaults};
use service_common::ids::judge_id;
use weir_proto::Money;
use weir_rpc::common::v1 as common;
use weir_rpc::payment::v1 as rpc;

use crate::accept::Asked;
use crate::payment::{Price, Purpose};

/// What a user wants to pay.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn purpose(user_id: &str, request: rpc::PaymentRequest) -> Result<Purpose, Failure> {
    let mut faults = FieldFaults::default();
    judge_id(&mut faults, "order_id", &request.order_id);
    judge_id(&mut faults, "method", &request.method);
    let price = price(&mut faults, request.amount);
    judged(faults, price, |price| Purpose {
        order_id: request.order_id,
        user_id: user_id.to_owned(),
        price,
        method: request.method,
    })
}

/// What an order wants to have paid.
///
/// # Errors
/// Each field that is wrong.
pub(crate) fn asked(request: rpc::AcceptPaymentRequest) -> Result<Asked, Failure> {
    let mut faults = FieldFaults::default();
    judge_id(&mut faults, "payment_id", &request.payment_id);
    judge_id(&mut faults, "order_id", &request.order_id);
    judge_id(&mut faults, "user_id", &request.user_id);
    judge_id(&mut faults, "method", &request.method);
    let price = price(&mut faults, request.amount);
    judged(faults, price, |price| Asked {
        payment_id: request.payment_id,
        purpose: Purpose {
            order_id: request.order_id,
            user_id: request.user_id,
            price,
            method: request.method,
        },
    })
}

/// What is asked for, unless there are faults; without a price there is one.
fn judged<T>(faults: FieldFaults, price: Option<Price>, of: impl FnOnce(Price) -> T) -> Result<T, Failure> {
    faults.check()?;
    price.map(of).ok_or_else(|| Failure::field("amount", "missing"))
}

fn price(faults: &mut FieldFaults, amount: Option<common::Money>) -> Option<Price> {
    let Some(common::Money {
        minor_units,
        currency,
    }) = amount
    else {
        faults.add("amount", "missing");
        return None;
    };
    let is_code = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
    if !is_code {
        let fault = "not an ISO 4217 code of three upper-case letters, such as `USD`";
        faults.add("amount.currency", fault);
    }
    let amount = Money::from_minor(minor_units);
    let amount = faults.take("amount.minor_units", amount.ok_or("negative"))?;
    Some(Price { amount, currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_of_a_request_are_told_at_once() {
        let request = rpc::PaymentRequest {
            order_id: String::new(),
            amount: Some(common::Money {
                minor_units: -1,
                currency: "usd".to_owned(),
            }),
            method: "tok success".to_owned(),
            idempotency_key: String::new(),
        };
        let failure = purpose("usr_1", request.clone()).unwrap_err();
        let fields: Vec<&str> = failure.fields.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            ["order_id", "method", "amount.currency", "amount.minor_units"]
        );
        let without = rpc::PaymentRequest {
            order_id: "ord_1".to_owned(),
            amount: None,
            method: "tok_success".to_owned(),
            ..request
        };
        assert_eq!(purpose("usr_1", without).unwrap_err().fields[0].field, "amount");
    }
}
