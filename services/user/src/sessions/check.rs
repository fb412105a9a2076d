//! Whether sessions stand, asked where this service keeps them.

use std::sync::Arc;

use service_common::auth::SessionCheck;
use service_common::boxed::Boxed;
use service_common::failure::Failure;
use service_common::ids::is_id;

use super::store::SessionStore;

/// Asks the store.
#[derive(Clone)]
pub struct LocalSessions(pub Arc<dyn SessionStore>);

impl SessionCheck for LocalSessions {
    fn stands<'a>(&'a self, session_id: &'a str) -> Boxed<'a, Result<bool, Failure>> {
        Box::pin(async move { Ok(!self.standing(&[session_id]).await?.is_empty()) })
    }

    fn standing<'a>(&'a self, session_ids: &'a [&'a str]) -> Boxed<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            // What is no id is no session's.
            let ids: Vec<&str> = session_ids.iter().copied().filter(|id| is_id(id)).collect();
            self.0.standing(&ids).await
        })
    }
}
