//! Where payers act, in a browser or by a test.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use service_common::failure::{Code, Failure};

use super::{Act, Simulated};
use crate::payments::Payments;
use crate::provider::{Intent, IntentState, Provider, ProviderError};

#[derive(Clone)]
struct Counter {
    provider: Simulated,
    payments: Payments,
}

/// `/simulated/intents/{id}` shows the payer what is to be done; `POST` to `.../complete` or `.../decline` does it. The
/// payments learn of it at once, as by a webhook.
pub fn routes(provider: Simulated, payments: Payments) -> Router {
    Router::new()
        .route("/simulated/intents/{id}", get(show))
        .route("/simulated/intents/{id}/complete", post(complete))
        .route("/simulated/intents/{id}/decline", post(decline))
        .with_state(Counter { provider, payments })
}

async fn show(State(counter): State<Counter>, Path(id): Path<String>) -> Result<Response, Failure> {
    Ok(page(&counter.provider.get(&id).await.map_err(failure)?))
}

async fn complete(State(counter): State<Counter>, Path(id): Path<String>) -> Result<Response, Failure> {
    act(&counter, &id, Act::Complete).await
}

async fn decline(State(counter): State<Counter>, Path(id): Path<String>) -> Result<Response, Failure> {
    act(&counter, &id, Act::Decline).await
}

async fn act(counter: &Counter, id: &str, act: Act) -> Result<Response, Failure> {
    let intent = counter.provider.act(id, act).await.map_err(failure)?;
    counter.payments.intent_moved(id).await?;
    Ok(page(&intent))
}

/// The id is one that was found, so it holds nothing that HTML would take for its own.
fn page(intent: &Intent) -> Response {
    let id = &intent.id;
    let body = match intent.state {
        IntentState::RequiresAction { .. } => format!(
            "<form method=\"post\" action=\"/simulated/intents/{id}/complete\"><button>Pay</button></form>\
             <form method=\"post\" action=\"/simulated/intents/{id}/decline\"><button>Do not pay</button></form>"
        ),
        IntentState::Charged { .. } | IntentState::Refunded { .. } => "<p>Paid.</p>".to_owned(),
        IntentState::Declined | IntentState::Cancelled => "<p>Not paid.</p>".to_owned(),
        IntentState::Created | IntentState::Processing => "<p>Nothing is to be done yet.</p>".to_owned(),
    };
    let page = format!("<!doctype html><html lang=\"en\"><title>Simulated payment</title>{body}</html>\n");
    (StatusCode::OK, Html(page)).into_response()
}

fn failure(error: ProviderError) -> Failure {
    match error {
        ProviderError::Refused(_) => Failure::new(Code::NotFound, "there is no such intent"),
        ProviderError::Away(_) | ProviderError::Unknown(_) => {
            Failure::new(Code::Unavailable, "the simulated provider cannot be reached")
        }
    }
}
