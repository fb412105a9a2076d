//! Sessions in DynamoDB: the table `ecommerce-sessions`, by `session_id`.
//!
//! All sessions of a user end by one item: it names a generation, and a session of another one does not stand. Nothing has to
//! be searched for, and what an index does not know yet cannot be missed.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use service_common::database::Transaction;
use service_common::dynamo::{
    CreateError, EXPIRES_AT, Item, Tables, now_ms, number, read_number, read_text, reason, seconds, text,
};
use service_common::failure::{Code, Failure};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Session;
use super::store::{Answer, EndedSessions, SessionStore};

/// Without the prefix of all tables.
const TABLE: &str = "sessions";
/// The most sessions that are asked for at a time.
const ASKED_AT_ONCE: usize = 16;
/// The key.
const ID: &str = "session_id";

/// Keeps sessions in a table. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DynamoSessions {
    tables: Tables,
    table: String,
}

impl DynamoSessions {
    /// In the table `sessions` of these.
    #[must_use]
    pub fn new(tables: Tables) -> DynamoSessions {
        let table = tables.name(TABLE);
        DynamoSessions { tables, table }
    }

    /// Makes the table: for development and tests.
    ///
    /// # Errors
    /// It is there already, or may not be made.
    pub async fn create_table(tables: &Tables) -> Result<(), CreateError> {
        tables.create(TABLE, ID, None).await
    }

    /// An item that has not run out.
    async fn item(&self, id: &str, now: i64) -> Result<Option<Item>, Failure> {
        let read = self
            .tables
            .client()
            .get_item()
            .table_name(&self.table)
            .key(ID, text(id))
            .consistent_read(true)
            .send()
            .await;
        let item = read.map_err(|error| failure(&reason(&error)))?.item;
        Ok(item.filter(|item| read_number(item, "expires_at_ms").is_some_and(|end| end > now)))
    }

    /// The generation of a user's sessions that stand; `None` while none was ever ended this way.
    async fn generation(&self, user_id: &str, now: i64) -> Result<Option<String>, Failure> {
        let item = self.item(&generation_id(user_id), now).await?;
        Ok(item.and_then(|item| read_text(&item, "generation")))
    }

    async fn put(&self, item: Item) -> Result<(), Failure> {
        let put = self
            .tables
            .client()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await;
        put.map_err(|error| failure(&reason(&error)))?;
        Ok(())
    }

    async fn try_begin(&self, session: &Session) -> Result<(), Failure> {
        let generation = self.generation(&session.user_id, now_ms()).await?;
        let mut item = lasting(&session.id, session.expires_at_ms);
        item.insert("user_id".to_owned(), text(&session.user_id));
        item.insert("current_digest".to_owned(), text(&session.current));
        if let Some(previous) = &session.previous {
            item.insert("previous_digest".to_owned(), text(previous));
        }
        item.insert("rotated_at_ms".to_owned(), number(session.rotated_at_ms));
        if let Some(generation) = generation {
            item.insert("generation".to_owned(), text(generation));
        }
        self.put(item).await
    }

    /// A session that stands at this moment, in milliseconds since 1970.
    async fn try_get(&self, id: &str, now: i64) -> Result<Option<Session>, Failure> {
        let Some(item) = self.item(id, now).await? else {
            return Ok(None);
        };
        let session = read(id, &item).ok_or_else(|| Failure::internal("a session's item cannot be read"))?;
        let generation = self.generation(&session.user_id, now).await?;
        let stands = generation.is_none() || generation == read_text(&item, "generation");
        Ok(stands.then_some(session))
    }

    async fn try_standing(&self, ids: &[&str]) -> Result<Vec<String>, Failure> {
        let now = now_ms();
        let (mut asked, mut standing) = (JoinSet::new(), Vec::with_capacity(ids.len()));
        let mut ids = ids.iter();
        loop {
            for id in ids.by_ref().take(ASKED_AT_ONCE - asked.len()) {
                let (sessions, id) = (self.clone(), (*id).to_owned());
                asked.spawn(async move { sessions.try_get(&id, now).await });
            }
            let Some(found) = asked.join_next().await else {
                return Ok(standing);
            };
            standing.extend(found.map_err(Failure::internal)??.map(|session| session.id));
        }
    }

    async fn try_rotate(&self, was_current: &str, session: &Session) -> Result<bool, Failure> {
        let rotated = self
            .tables
            .client()
            .update_item()
            .table_name(&self.table)
            .key(ID, text(&session.id))
            .update_expression(format!(
                "SET current_digest = :current, previous_digest = :previous, rotated_at_ms = :rotated, \
                 expires_at_ms = :expires, {EXPIRES_AT} = :expires_s"
            ))
            .condition_expression("current_digest = :was")
            .expression_attribute_values(":was", text(was_current))
            .expression_attribute_values(":current", text(&session.current))
            .expression_attribute_values(":previous", text(session.previous.as_deref().unwrap_or_default()))
            .expression_attribute_values(":rotated", number(session.rotated_at_ms))
            .expression_attribute_values(":expires", number(session.expires_at_ms))
            .expression_attribute_values(":expires_s", number(seconds(session.expires_at_ms)))
            .send()
            .await;
        match rotated {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(failure(&reason(&error))),
            },
        }
    }

    async fn try_end(&self, id: &str) -> Result<(), Failure> {
        let ended = self
            .tables
            .client()
            .delete_item()
            .table_name(&self.table)
            .key(ID, text(id))
            .send()
            .await;
        ended.map_err(|error| failure(&reason(&error)))?;
        Ok(())
    }
}

impl SessionStore for DynamoSessions {
    fn begin<'a>(&'a self, _account: &'a mut Transaction, session: &'a Session) -> Answer<'a, ()> {
        Box::pin(self.try_begin(session))
    }

    fn get<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(Session, i64)>> {
        Box::pin(async move {
            let now = now_ms();
            let session = self.try_get(id, now).await?;
            Ok(session.map(|session| (session, now)))
        })
    }

    fn rotate<'a>(&'a self, was_current: &'a str, session: &'a Session) -> Answer<'a, bool> {
        Box::pin(self.try_rotate(was_current, session))
    }

    fn end<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        Box::pin(self.try_end(id))
    }

    fn end_all_of<'a>(
        &'a self,
        _account: &'a mut Transaction,
        user_id: &'a str,
    ) -> Answer<'a, EndedSessions> {
        // Kept for ever: a session of the generation before may be used, and so last, for as long.
        let item = Item::from([
            (ID.to_owned(), text(generation_id(user_id))),
            ("expires_at_ms".to_owned(), number(i64::MAX)),
            ("generation".to_owned(), text(Uuid::new_v4().to_string())),
        ]);
        Box::pin(async move {
            self.put(item).await?;
            Ok(EndedSessions::Unknown)
        })
    }

    fn standing<'a>(&'a self, ids: &'a [&'a str]) -> Answer<'a, Vec<String>> {
        Box::pin(self.try_standing(ids))
    }

    /// DynamoDB forgets by itself.
    fn sweep(&self) -> Answer<'_, u64> {
        Box::pin(async { Ok(0) })
    }
}

/// No session has this id.
fn generation_id(user_id: &str) -> String {
    format!("#{user_id}")
}

fn lasting(id: &str, expires_at_ms: i64) -> Item {
    Item::from([
        (ID.to_owned(), text(id)),
        ("expires_at_ms".to_owned(), number(expires_at_ms)),
        (EXPIRES_AT.to_owned(), number(seconds(expires_at_ms))),
    ])
}

fn read(id: &str, item: &Item) -> Option<Session> {
    Some(Session {
        id: id.to_owned(),
        user_id: read_text(item, "user_id")?,
        current: read_text(item, "current_digest")?,
        previous: read_text(item, "previous_digest"),
        rotated_at_ms: read_number(item, "rotated_at_ms")?,
        expires_at_ms: read_number(item, "expires_at_ms")?,
    })
}

fn failure(reason: &str) -> Failure {
    tracing::warn!(reason, "the table of sessions does not answer");
    Failure::new(Code::Unavailable, "the sessions cannot be reached")
}
