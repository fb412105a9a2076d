//! Keys and sessions, asked of the user service.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use weir_rpc::common::v1::Empty;
use weir_rpc::user::v1::ValidateSessionRequest;
use weir_rpc::user::v1::user_service_client::UserServiceClient;

use super::keys::{JwkSet, VerifyingKeys};
use super::sessions::{SessionCheck, Sessions};
use super::{Guard, Verifier};
use crate::client::Link;
use crate::failure::Failure;
use crate::server::Lifecycle;

/// How often the keys are asked for again: a new one must be there before the first token is signed with it.
const REFRESH: Duration = Duration::from_secs(60);
/// Between two attempts while there are none.
const RETRY: Duration = Duration::from_millis(200);

impl Guard {
    /// One that asks the user service by this way, which must carry a service's token. Until it has answered once, nobody
    /// is believed.
    #[must_use]
    pub fn remote(link: Link, lifecycle: &Lifecycle) -> Guard {
        let client = UserServiceClient::new(link);
        let keys = VerifyingKeys::default();
        lifecycle.spawn(refresh(client.clone(), keys.clone(), lifecycle.clone()));
        Guard::new(Verifier::new(keys), Sessions::new(Arc::new(Remote(client))))
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

struct Remote(UserServiceClient<Link>);

impl SessionCheck for Remote {
    fn stands<'a>(
        &'a self,
        session_id: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<bool, Failure>> + Send + 'a>> {
        let request = ValidateSessionRequest {
            session_id: session_id.to_owned(),
        };
        Box::pin(async move {
            let answer = self.0.clone().validate_session(request).await?;
            Ok(answer.get_ref().stands)
        })
    }
}
