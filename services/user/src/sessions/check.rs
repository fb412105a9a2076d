//! Whether a session stands, asked where this service keeps its sessions.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use service_common::auth::SessionCheck;
use service_common::failure::Failure;
use service_common::ids::is_id;

use super::store::SessionStore;

/// Asks the store.
#[derive(Clone)]
pub struct LocalSessions(pub Arc<dyn SessionStore>);

impl SessionCheck for LocalSessions {
    fn stands<'a>(
        &'a self,
        session_id: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<bool, Failure>> + Send + 'a>> {
        Box::pin(async move {
            if !is_id(session_id) {
                return Ok(false);
            }
            self.0.stands(session_id).await
        })
    }
}
