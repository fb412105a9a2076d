//! A service's own part of the REST API, on its own HTTP port.
//!
//! Whoever calls shows a token there as everywhere: the port verifies it itself. The limits of the gateway, by user and
//! address, are not here: this port is for those within.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::body::{self, Media};
use super::headers::{idempotency_key, known, last_event_id, signature};
use super::path::path_id;
use super::{Answer, Inbound, Repeat};
use crate::auth::{Access, Caller, Guard, bearer};
use crate::boxed::Boxed;
use crate::context::{Context, REQUEST_ID};
use crate::failure::{Code, Failure};
use crate::server::method_label;
use crate::trace::{self, Trace};

/// The largest body that is JSON, in bytes.
const LARGEST_JSON: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(12);
/// Requests that are worked on at a time.
const AT_A_TIME: usize = 256;
/// Those among them that bring a large body.
const LARGE_AT_A_TIME: usize = 8;
/// After which time there may be room again.
const ROOM: Duration = Duration::from_secs(1);

type Handler = Box<dyn Fn(Inbound) -> Boxed<'static, Answer> + Send + Sync>;

/// What body a request has, and whether it may carry an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// None is read.
    Nothing,
    /// None; with a key it is done once.
    Key,
    /// JSON; with a key it is done once.
    KeyedJson,
    /// The file of a picture.
    Picture,
    /// A webhook: JSON, read as it came.
    Webhook,
}

/// What a service answers on its own HTTP port.
pub struct Port {
    shared: Arc<Shared>,
    paths: BTreeMap<&'static str, MethodRouter>,
}

struct Shared {
    guard: Guard,
    room: Semaphore,
    large: Semaphore,
}

struct Route {
    access: Access,
    takes: Takes,
    handler: Handler,
}

impl Port {
    /// One that answers nothing yet, and believes whom the guard believes.
    #[must_use]
    pub fn new(guard: Guard) -> Port {
        Port {
            shared: Arc::new(Shared {
                guard,
                room: Semaphore::new(AT_A_TIME),
                large: Semaphore::new(LARGE_AT_A_TIME),
            }),
            paths: BTreeMap::new(),
        }
    }

    /// Answers this method at this path, whose parameter stands in braces, by a call of this service.
    #[must_use]
    pub fn on<S, F, R>(
        mut self,
        (method, path, access, takes): (Method, &'static str, Access, Takes),
        service: &S,
        handler: F,
    ) -> Port
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S, Inbound) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        let service = service.clone();
        let handler: Handler = Box::new(move |inbound| Box::pin(handler(service.clone(), inbound)));
        let route = Route {
            access,
            takes,
            handler,
        };
        self.add(method, path, route);
        self
    }

    fn add(&mut self, method: Method, path: &'static str, route: Route) {
        // All methods of our tables are HTTP's.
        let filter = MethodFilter::try_from(method).unwrap_or(MethodFilter::GET);
        let route = Arc::new(route);
        let shared = Arc::clone(&self.shared);
        let answer = move |request: Request| {
            let (shared, route) = (Arc::clone(&shared), Arc::clone(&route));
            async move { shared.answer(&route, request).await.into_response() }
        };
        let methods = self.paths.remove(path).unwrap_or_default();
        self.paths.insert(path, methods.on(filter, answer));
    }

    /// For [`Server::http`](crate::server::Server).
    pub fn router(self) -> Router {
        let router = self
            .paths
            .into_iter()
            .fold(Router::new(), |router, (path, methods)| {
                router.route(path, methods)
            });
        router
            .method_not_allowed_fallback(async || {
                Failure::new(
                    Code::MethodNotAllowed,
                    "this path does not take the method; see `Allow`",
                )
            })
            .fallback(async || Failure::new(Code::NotFound, "there is nothing at this path"))
            .layer(middleware::from_fn(entrance))
    }
}

impl Shared {
    async fn answer(&self, route: &Route, request: Request) -> Answer {
        let full = |_| Failure::new(Code::Overloaded, "too many requests are being worked on").after(ROOM);
        let _room = self.room.try_acquire().map_err(full)?;
        let _large = match route.takes {
            Takes::Picture => Some(self.large.try_acquire().map_err(full)?),
            Takes::Nothing | Takes::Key | Takes::KeyedJson | Takes::Webhook => None,
        };
        let (mut parts, body) = request.into_parts();
        let caller = self.guard.admit(&parts.headers, route.access).await?;
        if let Some(Caller::User { id, .. }) = &caller {
            tracing::Span::current().record("user_id", id);
        }
        let id = path_id(&mut parts).await?;
        let key = match route.takes {
            Takes::Key | Takes::KeyedJson => idempotency_key(&parts.headers)?,
            Takes::Nothing | Takes::Picture | Takes::Webhook => None,
        };
        let body = match route.takes {
            Takes::Nothing | Takes::Key => Bytes::new(),
            Takes::KeyedJson => {
                body::read(&parts.headers, body, Media::Json, LARGEST_JSON, BODY_PATIENCE).await?
            }
            Takes::Webhook => {
                let largest = super::payments::LARGEST_WEBHOOK;
                body::read(&parts.headers, body, Media::Json, largest, BODY_PATIENCE).await?
            }
            Takes::Picture => {
                let largest = super::images::LARGEST;
                body::read(&parts.headers, body, Media::Picture, largest, BODY_PATIENCE).await?
            }
        };
        let context = Context {
            token: caller
                .as_ref()
                .and_then(|_| bearer(&parts.headers))
                .map(Into::into),
            deadline: Some(Instant::now() + PATIENCE),
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
        let handled = tokio::time::timeout(PATIENCE, context.scope((route.handler)(inbound)));
        let late = |_| Err(Failure::new(Code::Timeout, "it took too long"));
        handled.await.unwrap_or_else(late)
    }
}

/// Gives a request its id and its span, and an answer what all answers have.
async fn entrance(request: Request, next: Next) -> Response {
    let mut context = Context {
        deadline: None,
        ..Context::of(request.headers())
    };
    context.trace = trace::begun(context.trace);
    let request_id = context.request_id.clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!(
        "http",
        method = method_label(request.method()),
        request_id = &*request_id,
        trace_id = context.trace.as_ref().map(Trace::trace_id),
        user_id = tracing::field::Empty,
        order_id = tracing::field::Empty,
    );
    context.trace = trace::continued(&span, context.trace);
    let mut answer = context.scope(next.run(request)).instrument(span.clone()).await;
    let status = answer.status();
    trace::note(
        &span,
        "http.route",
        route.as_ref().map_or("unmatched", MatchedPath::as_str),
    );
    trace::note_number(&span, "http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        trace::failed(&span, status.as_str());
    }
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    answer
}
