//! This service's part of the REST API, on its own HTTP port: orders and their documents. Each call is one of the gRPC
//! contract.

use axum::Router;
use axum::http::Method;
use service_common::auth::{Access, Guard};
use service_common::rest::{Answer, Inbound, Port, Takes, documents, orders};
use weir_rpc::order::v1::order_service_server::OrderService;

use crate::api::Api;

/// All of it.
pub(crate) fn router(api: &Api, guard: Guard) -> Router {
    let own = |method, path, takes| (method, path, Access::Caller, takes);
    Port::new(guard)
        .on(own(Method::POST, "/api/v1/orders", Takes::KeyedJson), api, create)
        .on(own(Method::GET, "/api/v1/orders", Takes::Nothing), api, list)
        .on(
            own(Method::GET, "/api/v1/orders/{order_id}", Takes::Nothing),
            api,
            get,
        )
        .on(
            own(Method::PUT, "/api/v1/orders/{order_id}/cancel", Takes::Nothing),
            api,
            cancel,
        )
        .on(
            own(Method::GET, "/api/v1/orders/{order_id}/document", Takes::Nothing),
            api,
            document,
        )
        .router()
}

async fn create(api: Api, inbound: Inbound) -> Answer {
    let order = api.create_order(inbound.with(orders::create(&inbound)?)).await?;
    orders::taken(order.into_inner())
}

async fn list(api: Api, inbound: Inbound) -> Answer {
    let page = api.list_orders(inbound.with(orders::list(&inbound)?)).await?;
    orders::page(page.into_inner())
}

async fn get(api: Api, inbound: Inbound) -> Answer {
    let order = api.get_order(inbound.with(orders::get(&inbound))).await?;
    orders::order(order.into_inner())
}

async fn cancel(api: Api, inbound: Inbound) -> Answer {
    let order = api.cancel_order(inbound.with(orders::cancel(&inbound))).await?;
    orders::order(order.into_inner())
}

async fn document(api: Api, inbound: Inbound) -> Answer {
    let document = api.get_document(inbound.with(documents::get(&inbound))).await?;
    documents::document(document.into_inner())
}
