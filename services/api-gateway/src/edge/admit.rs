//! What a route demands of a request before its handler runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use service_common::auth::{Caller, bearer};
use service_common::context::Context;
use service_common::failure::{Code, Failure};

use super::address::Network;
use super::body::{self, Media};
use super::entrance::Template;
use crate::answer::Answer;
use crate::gateway::Shared;
use crate::request::{Inbound, PathId, idempotency_key, known};
use crate::routes::{Attempts, Body, Keyed, Patience, Route};
use crate::upstream::Repeat;

/// How much longer than its calls a request may take: they should fail first, and say why.
const GRACE: Duration = Duration::from_millis(250);

/// The largest file of a picture, in bytes: what the product service takes.
const LARGEST_PICTURE: usize = 4 * 1024 * 1024;

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
        Body::Json(_) | Body::None => None,
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
    let body = match route.body {
        Body::Json(_) => {
            let largest = shared.options.limits.max_body_bytes;
            body::read(&parts.headers, body, Media::Json, largest, patience).await?
        }
        Body::Picture => body::read(&parts.headers, body, Media::Picture, LARGEST_PICTURE, patience).await?,
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
        repeat: repeat(&parts.method, key.as_deref()),
        caller,
        id,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        known: known(&parts.headers),
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

/// By HTTP, all but POST may be sent again (RFC 9110, 9.2.2); a POST with a key is done once however often it comes.
fn repeat(method: &Method, key: Option<&str>) -> Repeat {
    match *method == Method::POST && key.is_none() {
        true => Repeat::Never,
        false => Repeat::Safe,
    }
}

async fn path_id(parts: &mut Parts) -> Result<PathId, Failure> {
    let unreadable = |_| Failure::new(Code::NotFound, "there is nothing at this path");
    let parameters = RawPathParams::from_request_parts(parts, &())
        .await
        .map_err(unreadable)?;
    match parameters.iter().next() {
        Some((_, text)) => PathId::parse(text),
        None => Ok(PathId::none()),
    }
}
