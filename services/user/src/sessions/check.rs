//! Whether a session stands, asked of this service's own database.

use std::future::Future;
use std::pin::Pin;

use service_common::auth::SessionCheck;
use service_common::database::Database;
use service_common::failure::Failure;
use service_common::ids::is_id;

use super::store;

/// Asks the database.
#[derive(Clone, Debug)]
pub struct LocalSessions(pub Database);

impl SessionCheck for LocalSessions {
    fn stands<'a>(
        &'a self,
        session_id: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<bool, Failure>> + Send + 'a>> {
        Box::pin(async move {
            if !is_id(session_id) {
                return Ok(false);
            }
            Ok(store::stands(&self.0, session_id).await?)
        })
    }
}
