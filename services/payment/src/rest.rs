//! This service's part of the REST API, on its own HTTP port: payments. Each call is one of the gRPC contract.

use axum::Router;
use axum::http::Method;
use service_common::auth::{Access, Guard};
use service_common::failure::Failure;
use service_common::rest::{Answer, Inbound, Port, Takes, payments};
use tonic::Response;
use weir_rpc::payment::v1::payment_service_server::PaymentService;

use crate::api::Api;

/// What the calls need.
#[derive(Clone)]
struct Desk {
    api: Api,
    /// Of amounts that come without one.
    currency: String,
}

/// All of it.
pub(crate) fn router(api: Api, currency: String, guard: Guard) -> Router {
    const ONE: &str = "/api/v1/payments/{payment_id}";
    const REFUND: &str = "/api/v1/payments/{payment_id}/refund";
    let desk = Desk { api, currency };
    let all = (Method::POST, "/api/v1/payments", Access::Caller, Takes::KeyedJson);
    Port::new(guard)
        .on(all, &desk, create)
        .on((Method::GET, ONE, Access::Caller, Takes::Nothing), &desk, get)
        .on(
            (Method::POST, payments::WEBHOOK, Access::Open, Takes::Webhook),
            &desk,
            webhook,
        )
        .on((Method::POST, REFUND, Access::Trusted, Takes::Key), &desk, refund)
        .router()
}

async fn create(desk: Desk, inbound: Inbound) -> Answer {
    let message = payments::create(&inbound, &desk.currency)?;
    let made = desk.api.process_payment(inbound.with(message)).await;
    payments::made(made.map(Response::into_inner).map_err(Failure::from))
}

async fn get(desk: Desk, inbound: Inbound) -> Answer {
    let payment = desk.api.get_payment_status(inbound.with(payments::get(&inbound)));
    payments::payment(payment.await?.into_inner())
}

async fn refund(desk: Desk, inbound: Inbound) -> Answer {
    let payment = desk.api.refund_payment(inbound.with(payments::refund(&inbound)));
    payments::payment(payment.await?.into_inner())
}

async fn webhook(desk: Desk, inbound: Inbound) -> Answer {
    let received = desk
        .api
        .handle_webhook(inbound.with(payments::webhook(&inbound)?));
    payments::received(received.await?.into_inner())
}
