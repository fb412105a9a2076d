//! Keys and sessions, asked of the user service.

use std::sync::Arc;
use std::time::Duration;

use weir_rpc::common::v1::Empty;
use weir_rpc::user::v1::user_service_client::UserServiceClient;
use weir_rpc::user::v1::{ValidateSessionRequest, ValidateSessionsRequest};

use super::keys::{JwkSet, VerifyingKeys};
use super::sessions::{self, SessionCheck, Sessions};
use super::{Guard, Verifier};
use crate::boxed::Boxed;
use crate::client::{Link, Upstream};
use crate::failure::Failure;
use crate::rest::Repeat;
use crate::server::{Lifecycle, Stopping};

/// How often the keys are asked for again: a new one must be there before the first token is signed with it.
const REFRESH: Duration = Duration::from_secs(60);
/// Between two attempts while there are none.
const RETRY: Duration = Duration::from_millis(200);

impl Guard {
    /// One that asks the user service by this way, which must carry a service's token. Until it has answered once, nobody
    /// is believed.
    #[must_use]
    pub fn remote(link: Link, lifecycle: &Lifecycle) -> Guard {
        let client = UserServiceClient::new(link.clone());
        let keys = VerifyingKeys::default();
        lifecycle.spawn(refresh(client, keys.clone(), lifecycle.clone()));
        let sessions = Sessions::new(Arc::new(Remote(Upstream::new("sessions", link))));
        lifecycle.spawn(keep_current(sessions.clone(), lifecycle.stopping()));
        Guard::new(Verifier::new(keys), sessions)
    }
}

async fn refresh(mut client: UserServiceClient<Link>, keys: VerifyingKeys, lifecycle: Lifecycle) {
    let stopping = lifecycle.stopping();
    let mut has_failed = false;
    loop {
        let pause = match fetch(&mut client, &keys).await {
            Ok(()) => {
                has_failed = false;
                REFRESH
            }
            Err(reason) => {
                if !has_failed {
                    tracing::warn!(reason, "cannot get the keys of access tokens; trying again");
                }
                has_failed = true;
                RETRY
            }
        };
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn fetch(client: &mut UserServiceClient<Link>, keys: &VerifyingKeys) -> Result<(), String> {
    let answer = client
        .get_jwks(Empty {})
        .await
        .map_err(|status| status.message().to_owned())?;
    let set = JwkSet::parse(&answer.get_ref().json).map_err(|error| error.to_string())?;
    keys.replace(&set).map_err(|error| error.to_string())
}

/// Asks for sessions that are in use before their answers run out, so that their requests need not.
async fn keep_current(sessions: Sessions, stopping: Stopping) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(sessions::RENEWED) => {}
        }
        // Where that fails each asks for itself when its answer has run out, and is told what is wrong.
        let _ = sessions.renew().await;
    }
}

struct Remote(Upstream);

impl SessionCheck for Remote {
    fn stands<'a>(&'a self, session_id: &'a str) -> Boxed<'a, Result<bool, Failure>> {
        let request = ValidateSessionRequest {
            session_id: session_id.to_owned(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                UserServiceClient::new(link).validate_session(request).await
            });
            Ok(asked.await?.stands)
        })
    }

    fn standing<'a>(&'a self, session_ids: &'a [&'a str]) -> Boxed<'a, Result<Vec<String>, Failure>> {
        let request = ValidateSessionsRequest {
            session_ids: session_ids.iter().map(|id| (*id).to_owned()).collect(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                UserServiceClient::new(link).validate_sessions(request).await
            });
            Ok(asked.await?.session_ids)
        })
    }
}
