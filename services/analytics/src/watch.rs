//! A stream of windows, for one caller.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use http::HeaderMap;
use service_common::auth::{Access, Guard};
use service_common::failure::{Code, Failure};
use service_common::metrics::{Metrics, OpenStream};
use service_common::server::Stopping;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use weir_rpc::analytics::v1::StreamedWindow;

use crate::board::{Board, Reader};
use crate::history::Lost;
use crate::message;
use crate::position::Position;

/// How often it is asked whether the caller may still see the windows. With the few seconds for which the guard remembers
/// an answer, a log-out takes effect within five.
const ASK: Duration = Duration::from_millis(800);
/// How long an event is waited for that another replica has told already.
const AHEAD: Duration = Duration::from_secs(3);
/// After which time a place may be free.
const PLACE: Duration = Duration::from_secs(5);

/// Gives out streams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Watches {
    board: Board,
    guard: Guard,
    access: Access,
    places: Arc<Semaphore>,
    metrics: Metrics,
    stopping: Stopping,
}

impl Watches {
    /// At most `most` at a time, for callers that `access` lets in.
    pub(crate) fn new(
        board: Board,
        guard: Guard,
        access: Access,
        most: usize,
        metrics: Metrics,
        stopping: Stopping,
    ) -> Watches {
        Watches {
            board,
            guard,
            access,
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            metrics,
            stopping,
        }
    }

    /// Opens one for a caller who was let in by these headers; `last_event_id` is what was seen last, empty: from now on.
    ///
    /// # Errors
    /// The id is none, or what follows it is lost; there are too many streams.
    pub(crate) async fn open(&self, headers: HeaderMap, last_event_id: &str) -> Result<Watch, Failure> {
        let place = self.places.clone().try_acquire_owned();
        let place =
            place.map_err(|_| Failure::new(Code::Overloaded, "too many streams are open").after(PLACE))?;
        let reader = match last_event_id {
            "" => self.board.reader(),
            id => {
                let position: Position = id
                    .parse()
                    .map_err(|error| Failure::field("last_event_id", format!("{error}")))?;
                self.reader_behind(position).await.map_err(lost)?
            }
        };
        let mut ask = interval_at(Instant::now() + ASK, ASK);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Watch {
            reader,
            headers,
            guard: self.guard.clone(),
            access: self.access,
            ask,
            stopping: self.stopping.clone(),
            _place: place,
            _open: self.metrics.stream_opened(),
        })
    }

    /// Another replica may be ahead of this one, which then has it in a moment.
    async fn reader_behind(&self, position: Position) -> Result<Reader, Lost> {
        let mut news = self.board.news();
        let waiting = async {
            loop {
                news.mark_unchanged();
                match self.board.reader_behind(position.clone()) {
                    Err(Lost::Ahead) => {}
                    found => return found,
                }
                // The sender is the board's, which is held here.
                let _ = news.changed().await;
            }
        };
        timeout(AHEAD, waiting).await.unwrap_or(Err(Lost::Ahead))
    }
}

/// An open stream.
pub(crate) struct Watch {
    reader: Reader,
    headers: HeaderMap,
    guard: Guard,
    access: Access,
    ask: Interval,
    stopping: Stopping,
    _place: OwnedSemaphorePermit,
    _open: OpenStream,
}

impl Watch {
    /// The id to go on from if nothing comes.
    pub(crate) fn begins(&self) -> String {
        self.reader.position().to_string()
    }

    /// The windows as they come, and at last why no more do. They are made as they are asked for: a caller that is slow is
    /// waited for, and overtaken at last.
    pub(crate) fn windows(self) -> impl Stream<Item = Result<StreamedWindow, Failure>> + Send + 'static {
        stream::unfold(Some(self), |open| async {
            let mut watch = open?;
            match watch.next().await {
                Ok(window) => Some((Ok(window), Some(watch))),
                Err(failure) => Some((Err(failure), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<StreamedWindow, Failure> {
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => {
                    return Err(Failure::new(Code::Unavailable, "the service stops; go on elsewhere"));
                }
                _ = self.ask.tick() => self.may_go_on().await?,
                next = self.reader.next() => {
                    let result = next.map_err(lost)?;
                    return Ok(StreamedWindow {
                        event_id: self.reader.position().to_string(),
                        window: Some(message::window(&result)),
                    });
                }
            }
        }
    }

    /// Whether the token and its session still stand. Where nobody can tell, what was said last holds.
    async fn may_go_on(&self) -> Result<(), Failure> {
        match self.guard.admit(&self.headers, self.access).await {
            Err(failure) if failure.code == Code::Unauthenticated || failure.code == Code::Forbidden => {
                Err(failure)
            }
            _ => Ok(()),
        }
    }
}

fn lost(lost: Lost) -> Failure {
    Failure::new(
        Code::EventGone,
        format!("{lost}; read the windows, then stream from now on"),
    )
}
