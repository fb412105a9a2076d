//! What every request passes first: it gets its id, is counted, and may be turned away before anything is done for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use service_common::context::{Context, REQUEST_ID};
use service_common::failure::{Code, Failure};
use service_common::rest::payments;
use service_common::server::{Peer, method_label};
use service_common::trace::{self, Trace};
use tokio::sync::SemaphorePermit;
use tracing::Instrument;

use super::address::Network;
use crate::gateway::Shared;

/// The route that answered: an extension of each answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template(pub(super) &'static str);

/// Probes and metrics: under load they must answer still, and they ask for little.
const OPERATIONS: [&str; 3] = ["/health", "/ready", "/metrics"];

/// After which time there may be room again.
const ROOM: Duration = Duration::from_secs(1);

const NO_SNIFFING: (HeaderName, HeaderValue) = (
    header::X_CONTENT_TYPE_OPTIONS,
    HeaderValue::from_static("nosniff"),
);

pub(super) async fn entrance(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let mut context = Context {
        // How long a request may take is for its route to say, not for its client.
        deadline: None,
        ..Context::of(request.headers())
    };
    context.trace = trace::begun(context.trace);
    let request_id = context.request_id.clone();
    let method = method_label(request.method());
    let operation = OPERATIONS.into_iter().find(|path| request.uri().path() == *path);
    let span = tracing::info_span!(
        "http",
        method,
        request_id = &*request_id,
        trace_id = context.trace.as_ref().map(Trace::trace_id),
        user_id = tracing::field::Empty,
        order_id = tracing::field::Empty,
    );
    context.trace = trace::continued(&span, context.trace);

    let answering = async {
        match operation {
            Some(_) => next.run(request).await,
            None => turn_away_or_run(&shared, request, next).await,
        }
    };
    let mut answer = context.scope(answering).instrument(span.clone()).await;

    let template = answer.extensions().get().map(|Template(path)| *path);
    let path = template.or(operation).unwrap_or("unmatched");
    let (status, took) = (answer.status().as_u16(), started.elapsed());
    shared.metrics.http_request(method, path, status, took);
    trace::note(&span, "http.route", path);
    trace::note_number(&span, "http.response.status_code", i64::from(status));
    if answer.status().is_server_error() {
        trace::failed(&span, answer.status().as_str());
    }
    span.in_scope(|| tracing::debug!(path, status, took_us = took.as_micros(), "answered"));
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(NO_SNIFFING.0, NO_SNIFFING.1);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    answer
}

async fn turn_away_or_run(shared: &Shared, mut request: Request, next: Next) -> Response {
    let network = network_of(shared, &request);
    request.extensions_mut().insert(network);
    // All events of a provider come from a few addresses, and who sends one is known by its signature.
    let limited = (request.uri().path() != payments::WEBHOOK).then_some(network);
    match admit(shared, limited) {
        Ok(_room) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

/// There is room for the request while what this gives is kept.
fn admit(shared: &Shared, limited: Option<Network>) -> Result<SemaphorePermit<'_>, Failure> {
    limited.map_or(Ok(()), |network| shared.limiters.address(network))?;
    let full = |_| Failure::new(Code::Overloaded, "too many requests are being worked on").after(ROOM);
    shared.in_flight.try_acquire().map_err(full)
}

fn network_of(shared: &Shared, request: &Request) -> Network {
    let peer = request
        .extensions()
        .get()
        .map_or(UNKNOWN, |Peer(address)| *address);
    Network::of(request.headers(), peer, shared.options.limits.trusted_hops)
}

/// Of a request that came by no connection of ours.
const UNKNOWN: std::net::SocketAddr =
    std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
