//! Orders of the caller.

use std::sync::Arc;

use axum::http::Method;
use serde::Serialize;
use service_common::failure::{Code, Failure};
use weir_proto::Money;
use weir_rpc::common::v1::Address;
use weir_rpc::order::v1::order_service_client::OrderServiceClient;
use weir_rpc::order::v1::{
    CancelOrderRequest, CreateOrderRequest, GetOrderRequest, ListOrdersRequest, OrderLine, OrderResponse,
    OrderStatus, PricedItem,
};

use super::{Content, Kind, Need, Parameter, Route};
use crate::answer::{Answer, created, moment, money, ok, some, word};
use crate::gateway::Shared;
use crate::request::{Fields, Inbound};

/// Orders of a page unless the client says.
const PAGE: u32 = 20;
/// The most orders of a page.
const LARGEST_PAGE: u32 = 100;

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
pub(crate) fn status_words() -> Vec<&'static str> {
    STATUSES.iter().map(|(word, _)| *word).collect()
}

pub(super) fn routes() -> Vec<Route> {
    const LIST: &[Parameter] = &[
        Parameter {
            name: "status",
            need: Need::Optional,
            kind: Kind::Word(status_words),
            about: "Only orders in this state",
        },
        Parameter {
            name: "user_id",
            need: Need::Optional,
            kind: Kind::Text,
            about: "Whose orders: the caller's own, or anybody's for an admin",
        },
        Parameter {
            name: "limit",
            need: Need::Optional,
            kind: Kind::Whole {
                from: 1,
                to: LARGEST_PAGE,
                default: PAGE,
            },
            about: "How many a page has",
        },
        Parameter {
            name: "cursor",
            need: Need::Optional,
            kind: Kind::Text,
            about: "`next_cursor` of the page before",
        },
    ];
    vec![
        Route::new(Method::POST, "/api/v1/orders", create)
            .patient()
            .keyed()
            .takes("NewOrder")
            .summary("Takes an order")
            .answers(201, Content::Json("Order"))
            .may_fail(&[
                Code::UserMismatch,
                Code::OutOfStock,
                Code::UnknownProduct,
                Code::OrderEnded,
            ]),
        Route::new(Method::GET, "/api/v1/orders", list)
            .asks(LIST)
            .summary("Orders, the newest first")
            .answers(200, Content::Json("Orders"))
            .may_fail(&[Code::UserMismatch]),
        Route::new(Method::GET, "/api/v1/orders/{order_id}", get)
            .summary("An order")
            .answers(200, Content::Json("Order")),
        Route::new(Method::PUT, "/api/v1/orders/{order_id}/cancel", cancel)
            .summary("Cancels an order; one that is being paid is cancelled once its payment is settled")
            .answers(200, Content::Json("Order"))
            .may_fail(&[Code::OrderState, Code::Contended]),
    ]
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

impl TryFrom<OrderResponse> for OrderBody {
    type Error = Failure;

    fn try_from(order: OrderResponse) -> Result<Self, Failure> {
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
            created_at: moment(order.created_at),
            cancelled_at: moment(order.cancelled_at),
            cancel_reason: some(order.cancel_reason),
            cancel_requested: order.cancel_requested,
            payment_id: some(order.payment_id),
            version: order.version,
        })
    }
}

impl TryFrom<PricedItem> for ItemBody {
    type Error = Failure;

    fn try_from(item: PricedItem) -> Result<Self, Failure> {
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

async fn create(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let (user_id, message) = inbound.json(|fields| {
        let user_id = fields.text_or_none("user_id");
        let message = CreateOrderRequest {
            items: fields.list("items", |fields| OrderLine {
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
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).create_order(message).await
        });
    let order = answer.await?;
    let location = format!("/api/v1/orders/{}", order.order_id);
    created(&location, OrderBody::try_from(order)?)
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

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = GetOrderRequest {
        order_id: (&inbound.id).into(),
    };
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).get_order(message).await
        });
    let order = answer.await?;
    ok(OrderBody::try_from(order)?)
}

async fn list(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = inbound.parameters(|parameters| ListOrdersRequest {
        status: parameters
            .word_or_none("status", &STATUSES)
            .unwrap_or_default()
            .into(),
        user_id: parameters.text_or_none("user_id").unwrap_or_default(),
        cursor: parameters.text_or_none("cursor").unwrap_or_default(),
        limit: parameters.whole_or("limit", PAGE, 1..=LARGEST_PAGE),
    })?;
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).list_orders(message).await
        });
    let page = answer.await?;
    let orders = page.orders.into_iter().map(OrderBody::try_from);
    ok(OrdersBody {
        orders: orders.collect::<Result<_, _>>()?,
        next_cursor: some(page.next_cursor),
    })
}

async fn cancel(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = CancelOrderRequest {
        order_id: (&inbound.id).into(),
    };
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).cancel_order(message).await
        });
    let order = answer.await?;
    ok(OrderBody::try_from(order)?)
}
