//! The gRPC port.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context as Poll, Poll as Ready};
use std::time::{Duration, Instant};

use http::{Request, Response};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::{Layer, Service};
use tracing::Instrument;

use super::lifecycle::Lifecycle;
use crate::auth::{Access, Guard};
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::metrics::Metrics;
use crate::trace::{self, Trace};

/// Calls of one connection that are worked on at a time; the rest wait.
const CONCURRENT: usize = 1_024;
/// The same, with those that are answered by a stream that is still open.
const CONCURRENT_STREAMS: u32 = 2_048;
/// A connection on which nothing moves is tried after this long.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What a gRPC port serves, and to whom.
pub struct Grpc {
    /// The calls.
    pub routes: Routes,
    /// Who may call.
    pub guard: Guard,
    /// Which call is for whom.
    pub access: fn(&str) -> Option<Access>,
    /// The full names of the services, for `grpc.health.v1`.
    pub services: &'static [&'static str],
}

/// Serves until the lifecycle ends; then takes no new calls and lets the running ones end. Health and reflection are
/// added to what is served.
///
/// # Errors
/// The descriptors of reflection are broken: a fault of the program.
pub(super) async fn serve_grpc(
    listener: TcpListener,
    grpc: Grpc,
    metrics: Metrics,
    lifecycle: &Lifecycle,
) -> Result<(), tonic_reflection::server::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    for service in grpc.services {
        reporter
            .set_service_status(*service, tonic_health::ServingStatus::Serving)
            .await;
    }
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(weir_rpc::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let routes = grpc.routes.add_service(health).add_service(reflection);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let stopping = lifecycle.stopping();
    let services = grpc.services;
    let server = Server::builder()
        .concurrency_limit_per_connection(CONCURRENT)
        // Streams that stay open count here, and not above.
        .max_concurrent_streams(CONCURRENT_STREAMS)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .layer(Entrance { metrics })
        .layer(grpc.guard.layer(grpc.access))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, async move {
            stopping.cancelled_owned().await;
            for service in services {
                reporter
                    .set_service_status(*service, tonic_health::ServingStatus::NotServing)
                    .await;
            }
        });
    lifecycle.spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "the gRPC server ended");
        }
    });
    Ok(())
}

/// The outermost layer: reads the context of a call, gives it a span, counts it.
#[derive(Clone)]
struct Entrance {
    metrics: Metrics,
}

impl<S> Layer<S> for Entrance {
    type Service = Entered<S>;

    fn layer(&self, inner: S) -> Entered<S> {
        Entered {
            metrics: self.metrics.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
struct Entered<S> {
    metrics: Metrics,
    inner: S,
}

impl<S> Service<Request<Body>> for Entered<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Poll<'_>) -> Ready<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let started = Instant::now();
        let mut context = Context::of(request.headers());
        let method = request.uri().path().to_owned();
        let span = tracing::info_span!(
            "grpc",
            method,
            request_id = &*context.request_id,
            trace_id = context.trace.as_ref().map(Trace::trace_id),
            user_id = tracing::field::Empty,
            order_id = tracing::field::Empty,
        );
        context.trace = trace::continued(&span, context.trace);
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let metrics = self.metrics.clone();
        Box::pin(
            async move {
                let answer = context.scope(inner.call(request)).await;
                let answer = answer.map(blamed_rightly);
                if let Ok(answer) = &answer {
                    let status = answer.headers().get("grpc-status");
                    let code =
                        status.map_or(tonic::Code::Ok, |value| tonic::Code::from_bytes(value.as_bytes()));
                    // A path that is no call of ours could be anything.
                    let method = if code == tonic::Code::Unimplemented {
                        "unknown"
                    } else {
                        &method
                    };
                    metrics.grpc_handled(method, code, started.elapsed());
                    trace::answered(&tracing::Span::current(), code);
                }
                answer
            }
            .instrument(span),
        )
    }
}

/// How tonic begins what it says of bytes that are no message.
const UNREADABLE: &str = "failed to decode Protobuf message";

/// The same answer; bytes that are no message are the caller's fault, which tonic says is ours.
fn blamed_rightly(answer: Response<Body>) -> Response<Body> {
    match tonic::Status::from_header_map(answer.headers()) {
        Some(status)
            if status.code() == tonic::Code::Internal && status.message().starts_with(UNREADABLE) =>
        {
            let failure = Failure::new(Code::Malformed, status.message());
            tonic::Status::from(failure).into_http()
        }
        _ => answer,
    }
}
