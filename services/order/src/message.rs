//! Orders as messages of the contract.

use service_common::moment;
use weir_proto::Money;
use weir_rpc::common::v1 as common;
use weir_rpc::order::v1 as rpc;

use crate::order::{Address, CancelReason, Line, Order};

/// An order as it is answered.
#[must_use]
pub(crate) fn response(order: &Order) -> rpc::OrderResponse {
    let money = |amount: Money| common::Money {
        minor_units: amount.minor(),
        currency: order.currency.clone(),
    };
    let item = |line: &Line| rpc::PricedItem {
        product_id: line.product_id.clone(),
        quantity: line.quantity,
        unit_price: line.unit_price.map(money),
    };
    rpc::OrderResponse {
        order_id: order.id.clone(),
        user_id: order.user_id.clone(),
        status: order.state.to_rpc().into(),
        items: order.lines.iter().map(item).collect(),
        total: order.total.map(money),
        shipping_address: Some(order.address.clone().into()),
        created_at: order.created_at_ms.map(moment::message),
        cancelled_at: order.cancelled_at_ms.map(moment::message),
        cancel_reason: order
            .cancel_reason
            .filter(|_| order.cancelled_at_ms.is_some())
            .map_or_else(String::new, |reason| CancelReason::as_str(reason).to_owned()),
        cancel_requested: order.cancel_requested,
        payment_id: order.payment_id.clone().unwrap_or_default(),
        version: order.version,
    }
}

impl From<Address> for common::Address {
    fn from(address: Address) -> Self {
        Self {
            name: address.name,
            line1: address.line1,
            line2: address.line2,
            city: address.city,
            postal_code: address.postal_code,
            country: address.country,
        }
    }
}

impl From<common::Address> for Address {
    fn from(address: common::Address) -> Self {
        Self {
            name: address.name,
            line1: address.line1,
            line2: address.line2,
            city: address.city,
            postal_code: address.postal_code,
            country: address.country,
        }
    }
}
