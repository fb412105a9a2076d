//! Orders of the caller.

use std::sync::Arc;

use axum::http::Method;
use service_common::failure::Code;
use service_common::rest::{Answer, Inbound, orders};
use weir_rpc::order::v1::order_service_client::OrderServiceClient;

use super::{Content, Kind, Need, Parameter, Route};
use crate::gateway::Shared;

pub(super) fn routes() -> Vec<Route> {
    const LIST: &[Parameter] = &[
        Parameter {
            name: "status",
            need: Need::Optional,
            kind: Kind::Word(orders::status_words),
            about: "Only orders in this state",
        },
        Parameter {
            name: "user_id",
            need: Need::Optional,
            kind: Kind::Id,
            about: "Whose orders: the caller's own, or anybody's for an admin",
        },
        Parameter {
            name: "limit",
            need: Need::Optional,
            kind: Kind::Whole {
                from: 1,
                to: orders::LARGEST_PAGE,
                default: orders::PAGE,
            },
            about: "How many a page has",
        },
        Parameter {
            name: "cursor",
            need: Need::Optional,
            kind: Kind::Id,
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

async fn create(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = orders::create(&inbound)?;
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).create_order(message).await
        });
    orders::taken(answer.await?)
}

async fn get(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = orders::get(&inbound);
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).get_order(message).await
        });
    orders::order(answer.await?)
}

async fn list(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = orders::list(&inbound)?;
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).list_orders(message).await
        });
    orders::page(answer.await?)
}

async fn cancel(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = orders::cancel(&inbound);
    let answer = shared
        .orders
        .call(inbound.repeat, message, |link, message| async move {
            OrderServiceClient::new(link).cancel_order(message).await
        });
    orders::order(answer.await?)
}
