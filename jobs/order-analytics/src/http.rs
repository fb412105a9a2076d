//! The job's HTTP port: metrics, health, readiness.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::error::JobError;
use crate::status::Shared;

/// Serves until the runtime ends; gives the address, as port 0 lets the system choose.
///
/// # Errors
/// When the port cannot be had.
pub(crate) async fn serve(address: SocketAddr, shared: Arc<Shared>) -> Result<SocketAddr, JobError> {
    let taken = |error: std::io::Error| {
        JobError::setting("http-addr", format!("cannot listen on {address}: {error}"))
    };
    let listener = tokio::net::TcpListener::bind(address).await.map_err(taken)?;
    let local = listener.local_addr().map_err(taken)?;
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router(shared)).await {
            tracing::error!(%error, "the HTTP server ended");
        }
    });
    Ok(local)
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(shared)
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    match shared.metrics.scrape(&shared, now_ms) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Healthy: every thread is there, and the broker refuses nothing. One that is away is no fault of the job, which
/// waits for it.
async fn health(State(shared): State<Arc<Shared>>) -> Response {
    match shared.fault() {
        None => Json(json!({"status": "healthy"})).into_response(),
        Some(fault) => {
            let body = Json(json!({"status": "unhealthy", "fault": fault}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

/// Ready: the replay is through and the job is not stopping.
async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let status = shared.status();
    if status.ready && !shared.ending() {
        Json(json!({"status": "ready"})).into_response()
    } else {
        let what = if shared.ending() { "stopping" } else { "starting" };
        let body = Json(json!({"status": what, "lag_records": status.lag_records}));
        (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::io::{Read, Write};
    use std::sync::Arc;

    use weir_dataflow::clocks::Clocks;

    use super::serve;
    use crate::metrics::Metrics;
    use crate::settings::Settings;
    use crate::status::Shared;

    #[test]
    fn a_job_that_lost_a_thread_is_unhealthy_and_says_which() {
        let clocks = Clocks::new(Settings::default().rules());
        let shared = Arc::new(Shared::new(Arc::new(clocks), Metrics::new().unwrap()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let address = runtime
            .block_on(serve(([127, 0, 0, 1], 0).into(), Arc::clone(&shared)))
            .unwrap();
        let health = || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream
                .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        assert!(health().starts_with("HTTP/1.1 200"));
        shared.stuck("topic `orders-progress` does not exist");
        let answer = health();
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("orders-progress"), "{answer}");
        shared.settled();
        assert!(health().starts_with("HTTP/1.1 200"));
        shared.broke("worker 1 has panicked: index out of bounds");
        let answer = health();
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("worker 1 has panicked"), "{answer}");
    }
}
