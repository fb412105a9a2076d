//! SQLite's one connection that writes.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{AnyConnection, Connection, Executor};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// SQLite takes one writer at a time, so one connection writes for all: who waits for it waits in line instead of asking again
/// and again, and the pages that it remembers stay true; of several, each would read again what another wrote. It is in no
/// pool: one would ask it for a sign of life after each use, which is a hand-over to its thread more, in line with the others.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    /// `None` once it is closed.
    connection: Arc<Mutex<Option<AnyConnection>>>,
    patience: Duration,
}

impl Writer {
    /// The connection; who waits for it longer than `patience` is refused.
    pub(super) fn new(connection: AnyConnection, patience: Duration) -> Writer {
        Writer {
            connection: Arc::new(Mutex::new(Some(connection))),
            patience,
        }
    }

    /// The connection, once those who asked before have ended with it. Nothing has begun on it yet: whoever stops waiting for
    /// that leaves it to be undone.
    pub(super) async fn turn(&self) -> sqlx::Result<Writing> {
        let turn = Arc::clone(&self.connection).lock_owned();
        let turn = tokio::time::timeout(self.patience, turn).await;
        let turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?;
        if turn.is_none() {
            return Err(sqlx::Error::PoolClosed);
        }
        Ok(Writing { turn: Some(turn) })
    }

    /// Whether nobody writes now.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.try_lock().is_ok()
    }

    pub(super) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // It holds nothing that was not committed.
            let _ = connection.close().await;
        }
    }
}

/// A transaction of the writer, which is nobody else's until its end. One that is dropped is undone, in a task.
#[derive(Debug)]
pub(super) struct Writing {
    turn: Option<OwnedMutexGuard<Option<AnyConnection>>>,
}

impl Writing {
    /// It has ended: what was written is true.
    pub(super) fn ended(mut self) {
        self.turn = None;
    }

    /// Undoes what has begun, to begin again. Where that fails, SQLite has undone it by itself, or nothing had begun.
    pub(super) async fn undo(&mut self) {
        let _ = self.execute("ROLLBACK").await;
    }

    pub(super) async fn rollback(mut self) -> sqlx::Result<()> {
        self.execute("ROLLBACK").await?;
        self.ended();
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        // Without a runtime nobody writes any more, and closing the file undoes it as well.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Some(connection) = turn.as_mut() {
                // Where it had not begun, there is nothing to be undone.
                let _ = connection.execute("ROLLBACK").await;
            }
        });
    }
}

const HELD: &str =
    "a transaction has its turn until it is consumed, and a connection that was not closed then";

impl Deref for Writing {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        self.turn.as_ref().and_then(|turn| turn.as_ref()).expect(HELD)
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.turn.as_mut().and_then(|turn| turn.as_mut()).expect(HELD)
    }
}
