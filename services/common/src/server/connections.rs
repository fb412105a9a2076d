//! The connections of an HTTP port: bounded in number, and none of them waits for a client for ever.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Service;

use super::lifecycle::{Lifecycle, Stopping};

/// The largest head of a request, in bytes; a larger one is answered with 431.
const LARGEST_HEAD: usize = 64 * 1024;
/// Between two attempts to accept when the system has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// How connections of an HTTP port are kept.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// The most at a time; others wait in the system's queue.
    pub at_a_time: usize,
    /// How long the head of a request may take to arrive; also how long a connection may be idle.
    pub head_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            at_a_time: 4_096,
            head_timeout: Duration::from_secs(30),
        }
    }
}

/// Who is at the other end of the connection that a request came by: an extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    lifecycle: Lifecycle,
) {
    let stopping = lifecycle.stopping();
    let places = Arc::new(Semaphore::new(limits.at_a_time));
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stopping.cancelled() => return,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = serve(stream, Peer(peer), router.clone(), limits, stopping.clone());
                lifecycle.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            // That connection is gone; the next one may be well.
            Err(error) if is_of_the_connection(error.kind()) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_the_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

async fn serve(stream: TcpStream, peer: Peer, router: Router, limits: ConnectionLimits, stopping: Stopping) {
    // It only delays answers.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopping.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
