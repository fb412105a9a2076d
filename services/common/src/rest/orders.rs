//! Orders in REST.

use serde::Serialize;
use weir_proto::Money;
use weir_rpc::common::v1::Address;
use weir_rpc::order::v1 as rpc;
use weir_rpc::order::v1::OrderStatus;

use super::answer::{created, money, ok, some, word};
use super::{Answer, Fields, Inbound};
use crate::failure::Failure;
use crate::moment;

/// Orders of a page unless the client says.
pub const PAGE: u32 = 20;
/// The most orders of a page.
pub const LARGEST_PAGE: u32 = 100;

/// The states of an order, as REST names them.
const STATUSES: [(&str, OrderStatus); 7] = [
    ("pending", OrderStatus::Pending),
    ("reserved", OrderStatus::Reserved),
    ("paying", OrderStatus::Paying),
    ("paid", OrderStatus::Paid),
    ("confirmed", OrderStatus::Confirmed),
    ("cancelled", OrderStatus::Cancelled),
    ("failed", OrderStatus::Failed),
];

/// The names of all states.
#[must_use]
pub fn status_words() -> Vec<&'static str> {
    STATUSES.iter().map(|(word, _)| *word).collect()
}

#[derive(Serialize)]
struct OrderBody {
    id: String,
    order_id: String,
    user_id: String,
    status: &'static str,
    items: Vec<ItemBody>,
    total_amount: Option<Money>,
    currency: Option<String>,
    shipping_address: Option<AddressBody>,
    created_at: Option<String>,
    cancelled_at: Option<String>,
    cancel_reason: Option<String>,
    cancel_requested: bool,
    payment_id: Option<String>,
    version: i64,
}

#[derive(Serialize)]
struct ItemBody {
    product_id: String,
    quantity: u32,
    unit_price: Option<Money>,
}

#[derive(Serialize)]
struct AddressBody {
    name: String,
    line1: String,
    line2: Option<String>,
    city: String,
    postal_code: String,
    country: String,
}

#[derive(Serialize)]
struct OrdersBody {
    orders: Vec<OrderBody>,
    next_cursor: Option<String>,
}

impl TryFrom<rpc::OrderResponse> for OrderBody {
    type Error = Failure;

    fn try_from(order: rpc::OrderResponse) -> Result<Self, Failure> {
        let items = order.items.into_iter().map(ItemBody::try_from);
        Ok(Self {
            id: order.order_id.clone(),
            order_id: order.order_id,
            user_id: order.user_id,
            status: word(&STATUSES, order.status)?,
            items: items.collect::<Result<_, _>>()?,
            total_amount: order.total.as_ref().map(money).transpose()?,
            currency: order.total.map(|total| total.currency),
            shipping_address: order.shipping_address.map(AddressBody::from),
            created_at: moment::text(order.created_at),
            cancelled_at: moment::text(order.cancelled_at),
            cancel_reason: some(order.cancel_reason),
            cancel_requested: order.cancel_requested,
            payment_id: some(order.payment_id),
            version: order.version,
        })
    }
}

impl TryFrom<rpc::PricedItem> for ItemBody {
    type Error = Failure;

    fn try_from(item: rpc::PricedItem) -> Result<Self, Failure> {
        Ok(Self {
            product_id: item.product_id,
            quantity: item.quantity,
            unit_price: item.unit_price.as_ref().map(money).transpose()?,
        })
    }
}

impl From<Address> for AddressBody {
    fn from(address: Address) -> Self {
        Self {
            name: address.name,
            line1: address.line1,
            line2: some(address.line2),
            city: address.city,
            postal_code: address.postal_code,
            country: address.country,
        }
    }
}

/// Takes an order of the caller.
///
/// # Errors
/// Each field that is wrong; `user_mismatch`.
pub fn create(inbound: &Inbound) -> Result<rpc::CreateOrderRequest, Failure> {
    let (user_id, message) = inbound.json(|fields| {
        let user_id = fields.text_or_none("user_id");
        let message = rpc::CreateOrderRequest {
            items: fields.list("items", |fields| rpc::OrderLine {
                product_id: fields.text("product_id"),
                quantity: fields.whole("quantity"),
            }),
            shipping_address: fields.object("shipping_address", address),
            payment_method: fields.text_or_none("payment_method").unwrap_or_default(),
            idempotency_key: inbound.key.clone().unwrap_or_default(),
        };
        (user_id, message)
    })?;
    inbound.is_of(user_id.as_deref())?;
    Ok(message)
}

fn address(fields: &mut Fields<'_>) -> Address {
    Address {
        name: fields.text("name"),
        line1: fields.text("line1"),
        line2: fields.text_or_none("line2").unwrap_or_default(),
        city: fields.text("city"),
        postal_code: fields.text("postal_code"),
        country: fields.text("country"),
    }
}

/// The order that was taken, and where it is.
///
/// # Errors
/// The service sent what is none: a fault of ours.
pub fn taken(order: rpc::OrderResponse) -> Answer {
    let location = format!("/api/v1/orders/{}", order.order_id);
    created(&location, OrderBody::try_from(order)?)
}

/// Asks for an order.
#[must_use]
pub fn get(inbound: &Inbound) -> rpc::GetOrderRequest {
    rpc::GetOrderRequest {
        order_id: (&inbound.id).into(),
    }
}

/// Cancels an order.
#[must_use]
pub fn cancel(inbound: &Inbound) -> rpc::CancelOrderRequest {
    rpc::CancelOrderRequest {
        order_id: (&inbound.id).into(),
    }
}

/// An order.
///
/// # Errors
/// The service sent what is none: a fault of ours.
pub fn order(order: rpc::OrderResponse) -> Answer {
    ok(OrderBody::try_from(order)?)
}

/// Asks for a page of orders.
///
/// # Errors
/// Each parameter that is wrong.
pub fn list(inbound: &Inbound) -> Result<rpc::ListOrdersRequest, Failure> {
    inbound.parameters(|parameters| rpc::ListOrdersRequest {
        status: parameters
            .word_or_none("status", &STATUSES)
            .unwrap_or_default()
            .into(),
        user_id: parameters.text_or_none("user_id").unwrap_or_default(),
        cursor: parameters.text_or_none("cursor").unwrap_or_default(),
        limit: parameters.whole_or("limit", PAGE, 1..=LARGEST_PAGE),
    })
}

/// A page of orders.
///
/// # Errors
/// The service sent what is none: a fault of ours.
pub fn page(page: rpc::ListOrdersResponse) -> Answer {
    let orders = page.orders.into_iter().map(OrderBody::try_from);
    ok(OrdersBody {
        orders: orders.collect::<Result<_, _>>()?,
        next_cursor: some(page.next_cursor),
    })
}
