//! What a route demands of a request before its handler runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use service_common::auth::{Caller, bearer};
use service_common::context::Context;
use service_common::failure::{Code, Failure};
use service_common::rest::body::{self, Media};
use service_common::rest::headers::{idempotency_key, known, last_event_id, signature};
use service_common::rest::{Answer, Inbound, Repeat, images, path_id, payments};

use super::address::Network;
use super::entrance::Template;
use crate::gateway::Shared;
use crate::routes::{Attempts, Body, Keyed, Patience, Route};

/// How much longer than its calls a request may take: they should fail first, and say why.
const GRACE: Duration = Duration::from_millis(250);

/// After which time there may be room for another picture.
const ROOM: Duration = Duration::from_secs(1);

pub(super) async fn answer(shared: Arc<Shared>, route: Arc<Route>, request: Request) -> Response {
    let mut answer = admit_and_run(shared, &route, request)
        .await
        .unwrap_or_else(IntoResponse::into_response);
    answer.extensions_mut().insert(Template(route.path));
    answer
}

async fn admit_and_run(shared: Arc<Shared>, route: &Route, request: Request) -> Answer {
    let full = |_| Failure::new(Code::Overloaded, "too many pictures are being taken in").after(ROOM);
    let uploads = Arc::clone(&shared);
    let _room = match route.body {
        Body::Picture => Some(uploads.uploads.try_acquire().map_err(full)?),
        Body::Json(_) | Body::Webhook | Body::None => None,
    };
    let (context, inbound) = admit(&shared, route, request).await?;
    Ok(run(shared, route, context, inbound).await)
}

/// What costs little comes first.
async fn admit(shared: &Shared, route: &Route, request: Request) -> Result<(Context, Inbound), Failure> {
    let (mut parts, body) = request.into_parts();
    if let (Attempts::Limited, Some(network)) = (route.attempts, parts.extensions.get::<Network>()) {
        shared.limiters.credentials(*network)?;
    }
    let caller = shared.guard.admit(&parts.headers, route.access).await?;
    if let Some(Caller::User { id, .. }) = &caller {
        tracing::Span::current().record("user_id", id);
        shared.limiters.user(id)?;
    }
    let id = path_id(&mut parts).await?;
    let key = match route.keyed {
        Keyed::Yes => idempotency_key(&parts.headers)?,
        Keyed::No => None,
    };
    let patience = shared.options.patience.body_timeout;
    let network = parts.extensions.get::<Network>();
    let being_read = network.filter(|_| route.body != Body::None);
    let _being_read = being_read
        .map(|network| shared.reading.begin(*network))
        .transpose()?;
    let body = match route.body {
        Body::Json(_) => {
            let largest = shared.options.limits.max_body_bytes;
            body::read(&parts.headers, body, Media::Json, largest, patience).await?
        }
        Body::Webhook => {
            let largest = payments::LARGEST_WEBHOOK;
            body::read(&parts.headers, body, Media::Json, largest, patience).await?
        }
        Body::Picture => body::read(&parts.headers, body, Media::Picture, images::LARGEST, patience).await?,
        Body::None => Bytes::new(),
    };
    let context = Context {
        // A token that was not looked at goes nowhere.
        token: caller
            .as_ref()
            .and_then(|_| bearer(&parts.headers))
            .map(Into::into),
        deadline: Some(Instant::now() + time_of(shared, route)),
        ..Context::current().unwrap_or_else(Context::unasked)
    };
    let inbound = Inbound {
        repeat: Repeat::of(&parts.method, key.as_deref()),
        caller,
        id,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        known: known(&parts.headers),
        last_event_id: last_event_id(&parts.headers)?,
        signature: signature(&parts.headers),
        key,
        body,
    };
    Ok((context, inbound))
}

async fn run(shared: Arc<Shared>, route: &Route, context: Context, inbound: Inbound) -> Response {
    let time = time_of(&shared, route) + GRACE;
    let handled = tokio::time::timeout(time, context.scope((route.handler)(shared, inbound))).await;
    let late = |_| Err(Failure::new(Code::Timeout, "a service did not answer in time"));
    handled
        .unwrap_or_else(late)
        .unwrap_or_else(IntoResponse::into_response)
}

fn time_of(shared: &Shared, route: &Route) -> Duration {
    match route.patience {
        Patience::Short => shared.options.patience.request_timeout,
        Patience::Long => shared.options.patience.order_timeout,
    }
}
