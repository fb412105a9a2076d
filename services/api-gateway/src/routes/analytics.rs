//! Windows: pages, sums, and each as it is published.

use std::sync::Arc;

use axum::http::Method;
use futures::StreamExt;
use service_common::auth::Caller;
use service_common::failure::{Code, Failure};
use service_common::rest::{Answer, Inbound, analytics};
use tonic::Response;
use weir_rpc::analytics::v1::GetLatestWindowRequest;
use weir_rpc::analytics::v1::analytics_service_client::AnalyticsServiceClient;

use super::{Content, Kind, Need, Parameter, Route};
use crate::gateway::Shared;

const FROM: Parameter = optional(
    "from",
    Kind::Moment,
    "The first moment, RFC 3339; without it the oldest",
);
const TO: Parameter = optional("to", Kind::Moment, "The moment behind the last, RFC 3339");

const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter {
        name,
        need: Need::Optional,
        kind,
        about,
    }
}

pub(super) fn routes() -> Vec<Route> {
    const PAGE: &[Parameter] = &[
        FROM,
        TO,
        optional("cursor", Kind::Id, "`next_cursor` of the page before"),
        optional(
            "limit",
            Kind::Whole {
                from: 1,
                to: analytics::LARGEST_PAGE,
                default: analytics::PAGE,
            },
            "The most windows",
        ),
    ];
    const SPAN: &[Parameter] = &[FROM, TO];
    vec![
        Route::new(Method::GET, "/api/v1/analytics/windows", list)
            .asks(PAGE)
            .summary("A page of windows, the oldest first, each as it was last revised")
            .answers(200, Content::Json("WindowPage")),
        Route::new(Method::GET, "/api/v1/analytics/windows/latest", latest)
            .summary("The window that closed last")
            .answers(200, Content::Json("Window"))
            .may_fail(&[Code::NotFound]),
        Route::new(Method::GET, "/api/v1/analytics/summary", summary)
            .asks(SPAN)
            .summary("Sums of the windows that begin in a span")
            .answers(200, Content::Json("Summary")),
        Route::new(Method::GET, "/api/v1/analytics/stream", stream)
            .summary(
                "Windows as they are published, as server-sent events: `window` with a window, and `end` with the reason \
                 where the stream ends that the client did not end. The first event has an id only, from which to go on",
            )
            .answers(200, Content::Events)
            .may_fail(&[Code::EventGone]),
    ]
}

async fn list(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = analytics::list(&inbound)?;
    let answer = shared
        .analytics
        .call(inbound.repeat, message, |link, message| async move {
            AnalyticsServiceClient::new(link).list_windows(message).await
        });
    analytics::page(answer.await?)
}

async fn latest(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let answer = shared.analytics.call(
        inbound.repeat,
        GetLatestWindowRequest {},
        |link, message| async move { AnalyticsServiceClient::new(link).get_latest_window(message).await },
    );
    analytics::window(answer.await?)
}

async fn summary(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let message = analytics::summarize(&inbound)?;
    let answer = shared
        .analytics
        .call(inbound.repeat, message, |link, message| async move {
            AnalyticsServiceClient::new(link).summarize(message).await
        });
    analytics::summary(answer.await?)
}

async fn stream(shared: Arc<Shared>, inbound: Inbound) -> Answer {
    let place = match &inbound.caller {
        Some(Caller::User { id, .. }) => Some(shared.streams.enter(id)?),
        Some(Caller::Service { .. }) | None => None,
    };
    let message = analytics::stream(&inbound);
    let answer = shared
        .analytics
        .call(inbound.repeat, message, |link, message| async move {
            let opened = AnalyticsServiceClient::new(link).stream_windows(message).await;
            // With its metadata.
            opened.map(Response::new)
        });
    let opened = answer.await.map_err(analytics::by_header)?;
    let begins = opened
        .metadata()
        .get(analytics::EVENT_ID)
        .and_then(|id| id.to_str().ok())
        .ok_or_else(|| Failure::internal("a stream does not say where it begins"))?
        .to_owned();
    let windows = opened.into_inner().map(move |window| {
        let _held = &place;
        window.map_err(Failure::from)
    });
    Ok(analytics::events(begins, windows, shared.stopping.clone()))
}
