//! Calls to other services: each carries who calls, a deadline, the request's id and trace, and is counted. By an
//! [`Upstream`] it is repeated where that is safe and likely to help, and not made at all while the service is down.

mod breaker;
mod budget;
mod upstream;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poll, Poll as Ready};
use std::time::Duration;

use http::{HeaderValue, Request, Response, header};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::Service;
use tracing::{Instrument, Span};

pub use upstream::Upstream;

use crate::context::{Context, GRPC_TIMEOUT, REQUEST_ID, grpc_timeout_value};
use crate::metrics::Metrics;
use crate::trace;

/// What an answer that is a stream may be ahead of its reader, in bytes: so much memory each slow one takes.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same for all of a connection: no reader may take it from the others.
const CONNECTION_WINDOW: u32 = 128 * 1024 * 1024;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);
/// A connection on which nothing moves is tried after this long, so that a peer that vanished is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// On whose behalf calls are made.
#[derive(Clone)]
pub enum Identity {
    /// The user's, whose token came with the request; nobody's where none did.
    Caller,
    /// The service's own.
    Service(Arc<str>),
}

/// A way to another service, for generated clients. Cheap to clone; connects when it is first used, and again whenever the
/// connection is lost.
#[derive(Clone)]
pub struct Link {
    channel: Channel,
    identity: Identity,
    timeout: Duration,
    metrics: Metrics,
}

/// An address that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` is not an address of a service, such as `http://order-service:50053`")]
pub struct AddressError {
    address: String,
}

impl Link {
    /// A way to the service at this address.
    ///
    /// # Errors
    /// It is no address.
    pub fn to(
        address: &str,
        identity: Identity,
        timeout: Duration,
        metrics: &Metrics,
    ) -> Result<Link, AddressError> {
        Link::by(address, identity, timeout, metrics, |endpoint| endpoint)
    }

    /// The same for answers that are streams: a reader that is slow holds nobody else up, and takes little memory. The time-out
    /// is for an answer's beginning.
    ///
    /// # Errors
    /// It is no address.
    pub fn for_streams(
        address: &str,
        identity: Identity,
        timeout: Duration,
        metrics: &Metrics,
    ) -> Result<Link, AddressError> {
        Link::by(address, identity, timeout, metrics, |endpoint| {
            endpoint
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
        })
    }

    fn by(
        address: &str,
        identity: Identity,
        timeout: Duration,
        metrics: &Metrics,
        change: impl FnOnce(Endpoint) -> Endpoint,
    ) -> Result<Link, AddressError> {
        let wrong = |_| AddressError {
            address: address.to_owned(),
        };
        let uri = match address.contains("://") {
            true => address.to_owned(),
            false => format!("http://{address}"),
        };
        let endpoint = Endpoint::from_shared(uri)
            .map_err(wrong)?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        let channel = change(endpoint).connect_lazy();
        Ok(Link {
            channel,
            identity,
            timeout,
            metrics: metrics.clone(),
        })
    }

    /// The headers that go with a call, and how long it may take.
    fn prepare(&self, request: &mut Request<Body>, span: &Span) -> Duration {
        let context = Context::current();
        let trace = trace::of_span(span);
        let trace = trace.as_ref().or_else(|| context.as_ref()?.trace.as_ref());
        let headers = request.headers_mut();
        let token = match &self.identity {
            Identity::Service(token) => Some(token.clone()),
            Identity::Caller => context.as_ref().and_then(|context| context.token.clone()),
        };
        if let Some(token) = token
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {token}"))
        {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        if let Some(trace) = trace {
            trace.write(headers);
        }
        let mut timeout = self.timeout;
        if let Some(context) = context {
            if let Ok(value) = HeaderValue::from_str(&context.request_id) {
                headers.insert(REQUEST_ID, value);
            }
            timeout = context.remaining().map_or(timeout, |left| left.min(timeout));
        }
        headers.insert(GRPC_TIMEOUT, grpc_timeout_value(timeout));
        timeout
    }
}

impl Service<Request<Body>> for Link {
    type Response = Response<Body>;
    type Error = tonic::transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Poll<'_>) -> Ready<Result<(), Self::Error>> {
        Service::poll_ready(&mut self.channel, context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = request.uri().path().to_owned();
        let span = tracing::debug_span!(
            target: trace::TARGET,
            "call",
            otel.kind = "client",
            otel.name = method.trim_start_matches('/'),
        );
        let timeout = self.prepare(&mut request, &span);
        let metrics = self.metrics.clone();
        let answer = self.channel.call(request);
        let called = async move {
            let answer = tokio::time::timeout(timeout, answer).await;
            let answer = answer
                .unwrap_or_else(|_| Ok(tonic::Status::deadline_exceeded("no answer in time").into_http()));
            let code = outcome(&answer);
            metrics.grpc_call(&method, code);
            trace::answered(&Span::current(), code);
            answer
        };
        Box::pin(called.instrument(span))
    }
}

/// The gRPC status of an answer; one that comes behind the messages is not waited for.
fn outcome(answer: &Result<Response<Body>, tonic::transport::Error>) -> tonic::Code {
    match answer {
        Ok(response) => {
            let status = response.headers().get("grpc-status");
            status.map_or(tonic::Code::Ok, |value| tonic::Code::from_bytes(value.as_bytes()))
        }
        Err(_) => tonic::Code::Unavailable,
    }
}
