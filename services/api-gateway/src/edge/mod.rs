//! What stands before the handlers.

mod address;
mod admit;
mod entrance;
mod limiters;
mod reading;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::routing::{MethodFilter, MethodRouter};
use service_common::failure::{Code, Failure};
use service_common::server::Stopping;

pub(crate) use limiters::Limiters;
pub(crate) use reading::Reading;

use crate::gateway::Shared;
use crate::routes::routes;

/// How often limiters forget those who have been quiet: it bounds what they keep to the requests of that time.
const FORGET: Duration = Duration::from_secs(5);

/// Everything that the REST port answers.
pub(crate) fn router(shared: Arc<Shared>, operations: Router) -> Router {
    let mut paths: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
    for route in routes() {
        // All methods of the table are HTTP's.
        let filter = MethodFilter::try_from(route.method.clone()).unwrap_or(MethodFilter::GET);
        let (route, shared) = (Arc::new(route), Arc::clone(&shared));
        let methods = paths.remove(route.path).unwrap_or_default();
        let path = route.path;
        let handler = move |request: Request| admit::answer(shared, route, request);
        paths.insert(path, methods.on(filter, handler));
    }
    let router = paths
        .into_iter()
        .fold(operations, |router, (path, methods)| router.route(path, methods));
    router
        .method_not_allowed_fallback(async || {
            Failure::new(
                Code::MethodNotAllowed,
                "this path does not take the method; see `Allow`",
            )
        })
        .fallback(async || Failure::new(Code::NotFound, "there is nothing at this path; see `/docs`"))
        .layer(middleware::from_fn_with_state(shared, entrance::entrance))
}

/// Keeps the limiters small, until the end.
pub(crate) async fn forget_the_quiet(shared: Arc<Shared>, stopping: Stopping) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(FORGET) => shared.limiters.forget_the_quiet(),
        }
    }
}
