//! A transaction that is decided between its statements.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use tracing::Span;

use super::group::{Groups, Member};
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
    E: From<sqlx::Error> + 'static,
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

/// `None`: nothing was done, as it is not to be, or failed, or another of its group did.
async fn with_others<T, E, D>(
    database: &Database,
    groups: &Groups,
    subject: &str,
    first: Vec<Statement>,
    decide: Arc<D>,
) -> sqlx::Result<Option<(T, Vec<Row>)>>
where
    T: Send + 'static,
    E: 'static,
    D: Fn(&[Row]) -> Result<(Vec<Statement>, T), E> + Send + Sync + 'static,
{
    let _span = database.span();
    let (ended, end) = oneshot::channel();
    let one = One {
        subject: subject.to_owned(),
        first,
        decide,
        context: Context::current().unwrap_or_else(Context::unasked),
        request: Span::current(),
        decided: None,
        ended,
    };
    let asked = Instant::now();
    groups.join(Box::new(one)).await?;
    database.waited(asked);
    end.await.map_err(|_| sqlx::Error::PoolClosed)
}

/// One that goes with others. It is decided in another task, as a part of the request that asked for it.
struct One<T, D> {
    subject: String,
    first: Vec<Statement>,
    decide: Arc<D>,
    context: Context,
    request: Span,
    decided: Option<T>,
    ended: oneshot::Sender<Option<(T, Vec<Row>)>>,
}

impl<T, E, D> Member for One<T, D>
where
    T: Send,
    D: Fn(&[Row]) -> Result<(Vec<Statement>, T), E> + Send + Sync,
{
    fn subject(&self) -> &str {
        &self.subject
    }

    fn first(&self) -> &[Statement] {
        &self.first
    }

    fn decide(&mut self, rows: &[Row]) -> Option<Vec<Statement>> {
        let decide = || self.context.clone().within(|| (self.decide)(rows));
        // One that panics does so again alone, not here, where all others are executed.
        let decided = catch_unwind(AssertUnwindSafe(|| self.request.in_scope(decide)));
        let (second, value) = decided.ok()?.ok()?;
        self.decided = Some(value);
        Some(second)
    }

    fn committed(self: Box<Self>, rows: Vec<Row>) {
        if let Some(value) = self.decided {
            // Who does not wait any more does not need to know.
            let _ = self.ended.send(Some((value, rows)));
        }
    }

    fn undone(self: Box<Self>) {
        let _ = self.ended.send(None);
    }
}
