//! This service's part of the REST API, on its own HTTP port: the windows. Each call is one of the gRPC contract.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use service_common::auth::{Access, Guard};
use service_common::context::Context;
use service_common::rest::{Answer, Inbound, Port, Takes, analytics};
use service_common::server::Stopping;

use crate::api::Api;

/// All of it, for those whom `access` lets in.
pub(crate) fn router(api: &Api, guard: Guard, access: Access, stopping: Stopping) -> Router {
    let get = |path| (Method::GET, path, access, Takes::Nothing);
    let told = move |api: Api, inbound: Inbound| stream(api, inbound, stopping.clone());
    Port::new(guard)
        .on(get("/api/v1/analytics/windows"), api, list)
        .on(get("/api/v1/analytics/windows/latest"), api, latest)
        .on(get("/api/v1/analytics/summary"), api, summary)
        .on(get("/api/v1/analytics/stream"), api, told)
        .router()
}

async fn list(api: Api, inbound: Inbound) -> Answer {
    analytics::page(api.page(&analytics::list(&inbound)?)?)
}

async fn latest(api: Api, _: Inbound) -> Answer {
    analytics::window(api.latest()?)
}

async fn summary(api: Api, inbound: Inbound) -> Answer {
    analytics::summary(api.summary(&analytics::summarize(&inbound)?)?)
}

async fn stream(api: Api, inbound: Inbound, stopping: Stopping) -> Answer {
    let message = analytics::stream(&inbound);
    let watch = api.watch(shown_again(), &message.last_event_id).await;
    let watch = watch.map_err(analytics::by_header)?;
    Ok(analytics::events(watch.begins(), watch.windows(), stopping))
}

/// The token of the request: as long as the stream is open it is looked at again and again.
fn shown_again() -> HeaderMap {
    let token = Context::current().and_then(|context| context.token);
    let value = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
    let header = value.map(|mut value| {
        value.set_sensitive(true);
        (header::AUTHORIZATION, value)
    });
    header.into_iter().collect()
}
