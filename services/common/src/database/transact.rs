//! A transaction that is decided between its statements.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use tracing::Span;

use super::group::{Ended, Groups, Member};
use super::{Database, Row, Statement};
use crate::context::Context;

/// See [`Database::transact`].
pub(super) async fn transact<T, E, D>(
    database: &Database,
    subject: &str,
    first: Vec<Statement>,
    decide: D,
) -> Result<(T, Vec<Row>), E>
where
    T: Send + 'static,
    E: From<sqlx::Error>,
    D: Fn(&[Row]) -> Result<(Vec<Statement>, T), E> + Send + Sync + 'static,
{
    let decide = Arc::new(decide);
    if let Some(groups) = &database.groups {
        let done = with_others(database, groups, subject, first.clone(), Arc::clone(&decide)).await?;
        if let Some(done) = done {
            return Ok(done);
        }
    }
    let (transaction, rows) = database.begin_with(first).await?;
    match decide(&rows) {
        Ok((second, value)) => Ok((value, transaction.commit_with(second).await?)),
        Err(reason) => {
            transaction.rollback().await?;
            Err(reason)
        }
    }
}

/// `None`: nothing was done, as one of the others or this one failed.
async fn with_others<T, E, D>(
    database: &Database,
    groups: &Groups,
    subject: &str,
    first: Vec<Statement>,
    decide: Arc<D>,
) -> sqlx::Result<Option<(T, Vec<Row>)>>
where
    T: Send + 'static,
    D: Fn(&[Row]) -> Result<(Vec<Statement>, T), E> + Send + Sync + 'static,
{
    let _span = database.span();
    // It is decided in another task, as a part of the request that is current here.
    let (context, request) = (Context::current(), Span::current());
    let (decided, value) = oneshot::channel();
    let member = Member {
        subject: subject.to_owned(),
        first,
        decide: Box::new(move |rows| {
            let context = context.unwrap_or_else(Context::unasked);
            let done = request.in_scope(|| context.within(|| decide(rows)));
            let (second, value) = done.ok()?;
            // Who does not wait any more has no use for it.
            let _ = decided.send(value);
            Some(second)
        }),
    };
    let asked = Instant::now();
    let begun = groups.join(member).await?;
    database.waited(asked);
    match begun.ended().await? {
        Ended::Alone => Ok(None),
        Ended::Committed(rows) => {
            let value = value.await.map_err(|_| sqlx::Error::PoolClosed)?;
            Ok(Some((value, rows)))
        }
    }
}
