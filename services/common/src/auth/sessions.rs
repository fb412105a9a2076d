//! Whether a session still stands, asked at most every few seconds.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::future::Cache;

use crate::boxed::Boxed;
use crate::failure::Failure;

/// How long an answer is believed: a log-out takes effect everywhere within five seconds.
const BELIEVED: Duration = Duration::from_secs(4);

/// How often answers of sessions in use are renewed: often enough that none runs out, were one attempt to fail.
pub(super) const RENEWED: Duration = Duration::from_millis(1_500);

/// Answers that came later than this are not believed: together with the time that they would be, it were too long.
const IN_TIME: Duration = Duration::from_millis(500);

/// A session that nobody showed for this long is not in use.
const IN_USE: Duration = Duration::from_secs(10);

/// The most sessions that are asked for at a time.
const ASKED_AT_ONCE: usize = 500;

/// The most sessions whose answers are remembered.
const REMEMBERED: u64 = 100_000;

/// Who knows whether a session stands: the user service.
pub trait SessionCheck: Send + Sync {
    /// Whether it stands. One that is not known does not.
    fn stands<'a>(&'a self, session_id: &'a str) -> Boxed<'a, Result<bool, Failure>>;

    /// Which of these stand.
    fn standing<'a>(&'a self, session_ids: &'a [&'a str]) -> Boxed<'a, Result<Vec<String>, Failure>>;
}

/// Answers of a [`SessionCheck`], remembered for a moment. Of several who ask at once one asks on.
#[derive(Clone)]
pub struct Sessions {
    check: Arc<dyn SessionCheck>,
    answers: Cache<String, bool>,
    /// The sessions in use, whether or not their answers have run out.
    in_use: Cache<String, ()>,
    /// Counts sessions that ended here.
    ended: Arc<AtomicU64>,
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
            in_use: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(IN_USE)
                .build(),
            ended: Arc::default(),
        }
    }

    /// Whether the session stands, or stood a moment ago.
    ///
    /// # Errors
    /// Nobody can be asked: then nobody is believed.
    pub fn stands<'a>(&'a self, session_id: &'a str) -> Boxed<'a, Result<bool, Failure>> {
        Box::pin(async move {
            let ask = async { self.check.stands(session_id).await };
            let stands = self
                .answers
                .try_get_with_by_ref(session_id, ask)
                .await
                .map_err(|failure| Failure::clone(&failure))?;
            if stands && self.in_use.get(session_id).await.is_none() {
                self.in_use.insert(session_id.to_owned(), ()).await;
            }
            Ok(stands)
        })
    }

    /// Asks anew for the sessions in use, many at a time.
    ///
    /// # Errors
    /// Nobody can be asked: the answers run out.
    pub async fn renew(&self) -> Result<(), Failure> {
        let in_use: Vec<Arc<String>> = self.in_use.iter().map(|(id, ())| id).collect();
        for part in in_use.chunks(ASKED_AT_ONCE) {
            let (asked, ended) = (Instant::now(), self.ended.load(Ordering::Acquire));
            let ids: Vec<&str> = part.iter().map(|id| id.as_str()).collect();
            let standing: HashSet<String> = self.check.standing(&ids).await?.into_iter().collect();
            for id in ids {
                if !standing.contains(id) {
                    self.answers.insert(id.to_owned(), false).await;
                    self.in_use.invalidate(id).await;
                } else if asked.elapsed() < IN_TIME && self.ended.load(Ordering::Acquire) == ended {
                    // One that ended here meanwhile may have stood when it was asked for.
                    self.answers.insert(id.to_owned(), true).await;
                }
            }
        }
        Ok(())
    }

    /// Forgets an answer: the session has just ended here.
    pub fn forget<'a>(&'a self, session_id: &'a str) -> Boxed<'a, ()> {
        Box::pin(async move {
            self.ended.fetch_add(1, Ordering::AcqRel);
            self.answers.invalidate(session_id).await;
            self.in_use.invalidate(session_id).await;
        })
    }

    /// Forgets all answers: some session has just ended here, and which one is not known.
    pub fn forget_all(&self) {
        self.ended.fetch_add(1, Ordering::AcqRel);
        self.answers.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::Notify;

    use super::*;

    /// Knows which sessions have ended, and counts how often each was asked for alone.
    #[derive(Default)]
    struct Known {
        ended: Mutex<HashSet<String>>,
        alone: AtomicU64,
        /// Told when many are asked for.
        asked: Notify,
        /// What the answer waits for, where there is something.
        held: Option<Notify>,
        takes: Duration,
    }

    impl SessionCheck for Known {
        fn stands<'a>(&'a self, session_id: &'a str) -> Boxed<'a, Result<bool, Failure>> {
            self.alone.fetch_add(1, Ordering::Relaxed);
            let stands = !self.ended.lock().unwrap().contains(session_id);
            Box::pin(async move { Ok(stands) })
        }

        fn standing<'a>(&'a self, session_ids: &'a [&'a str]) -> Boxed<'a, Result<Vec<String>, Failure>> {
            let ended = self.ended.lock().unwrap().clone();
            let ids = session_ids.iter().filter(|id| !ended.contains(**id));
            let standing = ids.map(|id| (*id).to_owned()).collect();
            Box::pin(async move {
                self.asked.notify_one();
                if let Some(held) = &self.held {
                    held.notified().await;
                }
                tokio::time::sleep(self.takes).await;
                Ok(standing)
            })
        }
    }

    fn over(known: Known) -> (Arc<Known>, Sessions) {
        let known = Arc::new(known);
        (Arc::clone(&known), Sessions::new(known))
    }

    impl Known {
        fn end(&self, id: &str) {
            self.ended.lock().unwrap().insert(id.to_owned());
        }

        fn alone(&self) -> u64 {
            self.alone.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn sessions_in_use_are_asked_for_together_and_their_ends_are_known() {
        let (known, sessions) = over(Known::default());
        for id in ["a", "b"] {
            assert_eq!(sessions.stands(id).await, Ok(true));
        }
        known.end("b");
        assert_eq!(sessions.stands("b").await, Ok(true), "believed");
        sessions.renew().await.unwrap();
        assert_eq!(sessions.stands("a").await, Ok(true));
        assert_eq!(sessions.stands("b").await, Ok(false));
        assert_eq!(known.alone(), 2, "none was asked for alone again");
    }

    #[tokio::test]
    async fn a_session_that_ended_here_meanwhile_is_not_believed_again() {
        let (known, sessions) = over(Known {
            held: Some(Notify::new()),
            ..Known::default()
        });
        assert_eq!(sessions.stands("a").await, Ok(true));
        let renewing = tokio::spawn({
            let sessions = sessions.clone();
            async move { sessions.renew().await }
        });
        known.asked.notified().await;
        known.end("a");
        sessions.forget("a").await;
        known.held.as_ref().unwrap().notify_one();
        renewing.await.unwrap().unwrap();
        assert_eq!(sessions.stands("a").await, Ok(false));
    }

    #[tokio::test]
    async fn an_answer_that_came_late_is_not_believed() {
        let (known, sessions) = over(Known {
            takes: IN_TIME,
            ..Known::default()
        });
        assert_eq!(sessions.stands("a").await, Ok(true));
        sessions.answers.invalidate("a").await;
        sessions.renew().await.unwrap();
        assert_eq!(sessions.stands("a").await, Ok(true));
        assert_eq!(known.alone(), 2);
    }
}
