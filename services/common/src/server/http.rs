//! The HTTP port: probes and metrics, and what a service adds to them.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use super::connections::{self, ConnectionLimits};
use super::health::Health;
use super::lifecycle::Lifecycle;
use crate::metrics::Metrics;

#[derive(Clone)]
struct Operations {
    health: Arc<dyn Health>,
    metrics: Metrics,
    lifecycle: Lifecycle,
}

/// `/health`, `/ready` and `/metrics`; open to all.
pub fn operations(health: Arc<dyn Health>, metrics: &Metrics, lifecycle: &Lifecycle) -> Router {
    Router::new()
        .route("/health", get(healthy))
        .route("/ready", get(ready))
        .route("/metrics", get(scrape))
        .with_state(Operations {
            health,
            metrics: metrics.clone(),
            lifecycle: lifecycle.clone(),
        })
}

/// The same router; each of its requests is counted under the template of its path.
pub(super) fn counted(router: Router, metrics: Metrics) -> Router {
    router.layer(middleware::from_fn_with_state(metrics, count))
}

async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = method_label(request.method());
    let template = request.extensions().get::<MatchedPath>().cloned();
    let answer = next.run(request).await;
    // What is at no path of ours could be anything.
    let path = template.as_ref().map_or("unmatched", MatchedPath::as_str);
    metrics.http_request(method, path, answer.status().as_u16(), started.elapsed());
    answer
}

/// A method as metrics name it. A client may send any word: those that are none of HTTP's are counted together.
#[must_use]
pub fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Serves until the lifecycle ends; then takes no new requests and lets the running ones end.
pub fn serve_http(listener: TcpListener, router: Router, lifecycle: &Lifecycle) {
    serve_http_within(listener, router, ConnectionLimits::default(), lifecycle);
}

/// The same, with limits of one's own.
pub fn serve_http_within(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    lifecycle: &Lifecycle,
) {
    lifecycle.spawn(connections::accept(listener, router, limits, lifecycle.clone()));
}

/// The process answers. What it needs is for `/ready`: to start it again would not bring that back.
async fn healthy() -> Response {
    Json(json!({"status": "healthy"})).into_response()
}

async fn ready(State(operations): State<Operations>) -> Response {
    let missing = if operations.lifecycle.stopping().is_cancelled() {
        Err("stopping".to_owned())
    } else {
        operations.health.ready().await
    };
    match missing {
        Ok(()) => Json(json!({"status": "ready"})).into_response(),
        Err(missing) => {
            let body = Json(json!({"status": "not ready", "missing": missing}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn scrape(State(operations): State<Operations>) -> Response {
    operations.metrics.observe().await;
    match operations.metrics.scrape() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
