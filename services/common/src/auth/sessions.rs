//! Whether a session still stands, asked at most every few seconds.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::boxed::Boxed;
use crate::failure::Failure;

/// How long an answer is believed: a log-out takes effect everywhere within five seconds.
const BELIEVED: Duration = Duration::from_secs(4);

/// The most sessions whose answers are remembered.
const REMEMBERED: u64 = 100_000;

/// Who knows whether a session stands: the user service.
pub trait SessionCheck: Send + Sync {
    /// Whether it stands. One that is not known does not.
    fn stands<'a>(
        &'a self,
        session_id: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<bool, Failure>> + Send + 'a>>;
}

/// Answers of a [`SessionCheck`], remembered for a moment. Of several who ask at once one asks on.
#[derive(Clone)]
pub struct Sessions {
    check: Arc<dyn SessionCheck>,
    answers: Cache<String, bool>,
}

impl Sessions {
    /// Remembers the answers of this one.
    #[must_use]
    pub fn new(check: Arc<dyn SessionCheck>) -> Sessions {
        Sessions {
            check,
            answers: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(BELIEVED)
                .build(),
        }
    }

    /// Whether the session stands, or stood a moment ago.
    ///
    /// # Errors
    /// Nobody can be asked: then nobody is believed.
    pub fn stands<'a>(&'a self, session_id: &'a str) -> Boxed<'a, Result<bool, Failure>> {
        Box::pin(async move {
            self.answers
                .try_get_with_by_ref(session_id, self.check.stands(session_id))
                .await
                .map_err(|failure| Failure::clone(&failure))
        })
    }

    /// Forgets an answer: the session has just ended here.
    pub fn forget<'a>(&'a self, session_id: &'a str) -> Boxed<'a, ()> {
        Box::pin(async move {
            self.answers.invalidate(session_id).await;
        })
    }

    /// Forgets all answers: some session has just ended here, and which one is not known.
    pub fn forget_all(&self) {
        self.answers.invalidate_all();
    }
}
