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

/// Healthy: every thread is there. A broker that is away is no fault of the job, which waits for it.
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
        let body = Json(json!({"status": "starting", "lag_records": status.lag_records}));
        (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
    }
}
