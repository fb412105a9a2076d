//! Where sessions and carts are kept: in the service's database, or in DynamoDB.

use std::sync::Arc;

use clap::Args;
use service_common::database::Database;
use service_common::dynamo::DynamoUrl;

use crate::carts::Carts;
use crate::options::Rules;
use crate::sessions::{DatabaseSessions, SessionStore};

/// Where sessions and carts are kept.
#[derive(Clone, Debug, Default, Args)]
pub struct KeptIn {
    /// Keeps sessions and carts in DynamoDB instead of the database: `dynamodb://REGION` (the tables ecommerce-sessions and
    /// ecommerce-carts; further `?endpoint=URL` and `&prefix=TEXT` in place of `ecommerce-`). Needs a build with the feature
    /// `dynamodb`
    #[arg(
        long = "sessions-and-carts",
        env = "SESSIONS_AND_CARTS_URL",
        value_name = "URL"
    )]
    pub dynamo: Option<DynamoUrl>,
}

/// Sessions and carts cannot be kept there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--sessions-and-carts: this build has no DynamoDB; build it with the feature `dynamodb`")]
pub struct PlaceError;

/// Where they are kept. Cheap to clone.
#[derive(Clone)]
pub struct Kept {
    /// Sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// Carts.
    pub carts: Carts,
}

/// What keeps sessions and carts for as long as the rules say.
///
/// # Errors
/// This build cannot.
pub async fn open(place: &KeptIn, database: &Database, rules: Rules) -> Result<Kept, PlaceError> {
    match &place.dynamo {
        None => Ok(Kept {
            sessions: Arc::new(DatabaseSessions(database.clone())),
            carts: Carts::new(database.clone(), rules.cart_for),
        }),
        #[cfg(feature = "dynamodb")]
        Some(url) => {
            let tables = url.open().await;
            Ok(Kept {
                sessions: Arc::new(crate::sessions::DynamoSessions::new(tables.clone())),
                carts: Carts::kept_in(Arc::new(crate::carts::DynamoCarts::new(tables, rules.cart_for))),
            })
        }
        #[cfg(not(feature = "dynamodb"))]
        Some(_) => Err(PlaceError),
    }
}
