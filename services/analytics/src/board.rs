//! Windows and history, written by the one who reads the topic and read by all who call.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;
use weir_proto::AnalyticsResult;

use crate::history::{Event, History, Lost};
use crate::position::{Mark, Position};
use crate::windows::{Applied, Windows};

/// How many events a reader takes at a time: so much each stream holds.
const BATCH: usize = 32;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: RwLock<State>,
    limits: Limits,
    /// Changes with every event, and when the topic is made anew.
    news: watch::Sender<()>,
    caught_up: watch::Sender<bool>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Windows.
    pub windows: NonZeroUsize,
    /// Events that a stream can go on from.
    pub events: NonZeroUsize,
}

#[derive(Debug)]
struct State {
    windows: Windows,
    history: History,
    /// Raised when the topic is made anew: what readers know of it is void then.
    topic: u64,
}

impl State {
    fn new(limits: Limits, topic: u64) -> State {
        State {
            windows: Windows::new(limits.windows),
            history: History::new(limits.events),
            topic,
        }
    }
}

impl Board {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Board {
        Board(Arc::new(Inner {
            state: RwLock::new(State::new(limits, 0)),
            limits,
            news: watch::Sender::new(()),
            caught_up: watch::Sender::new(false),
        }))
    }

    /// Takes a result in, and tells those who wait for one. The marks of a partition come in their order.
    pub fn publish(&self, partition: i32, mark: Mark, result: AnalyticsResult) {
        {
            let mut state = self.write();
            let is_news = state.windows.apply(result) != Applied::Superseded;
            state.history.push(Event {
                partition,
                mark,
                result,
                is_news,
            });
        }
        self.0.news.send_replace(());
    }

    /// Forgets everything: the topic was made anew.
    pub fn clear(&self) {
        {
            let mut state = self.write();
            *state = State::new(self.0.limits, state.topic + 1);
        }
        self.0.news.send_replace(());
    }

    /// What the topic held at the start has been read.
    pub fn caught_up(&self) {
        self.0.caught_up.send_replace(true);
    }

    /// Whether it has.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        *self.0.caught_up.borrow()
    }

    /// Waits until it has.
    pub async fn until_caught_up(&self) {
        // The sender is ours, so it is there.
        let _ = self
            .0
            .caught_up
            .subscribe()
            .wait_for(|caught_up| *caught_up)
            .await;
    }

    /// Looks at the windows. They stand still meanwhile.
    pub fn windows<T>(&self, look: impl FnOnce(&Windows) -> T) -> T {
        look(&self.read().windows)
    }

    /// A reader of what is published from now on.
    #[must_use]
    pub fn reader(&self) -> Reader {
        let news = self.0.news.subscribe();
        let state = self.read();
        let (next, position) = state.history.end();
        Reader {
            board: self.clone(),
            news,
            topic: state.topic,
            next,
            position,
            batch: VecDeque::new(),
        }
    }

    /// A reader of what follows a position.
    ///
    /// # Errors
    /// Why there would be a gap.
    pub fn reader_behind(&self, position: Position) -> Result<Reader, Lost> {
        let news = self.0.news.subscribe();
        let state = self.read();
        Ok(Reader {
            board: self.clone(),
            news,
            topic: state.topic,
            next: state.history.resume(&position)?,
            position,
            batch: VecDeque::new(),
        })
    }

    /// Wakes when something was published.
    #[must_use]
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.0.news.subscribe()
    }

    // A panic while it was held left at worst an event that nobody was told of.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the events one after the other, each once. It holds a few of them at a time; one that is overtaken has lost the
/// rest.
#[derive(Debug)]
pub struct Reader {
    board: Board,
    news: watch::Receiver<()>,
    topic: u64,
    next: u64,
    position: Position,
    batch: VecDeque<Event>,
}

impl Reader {
    /// Where it is.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The next result that is news; [`Reader::position`] is behind it then. May be given up at any time.
    ///
    /// # Errors
    /// The reader was overtaken, or the topic made anew.
    pub async fn next(&mut self) -> Result<AnalyticsResult, Lost> {
        loop {
            // Before it is looked whether there is one: what comes in between is seen.
            self.news.mark_unchanged();
            while let Some(event) = self.take()? {
                let Event { partition, mark, .. } = event;
                if self
                    .position
                    .of(partition)
                    .is_some_and(|seen| mark.offset <= seen.offset)
                {
                    continue;
                }
                self.position.see(partition, mark);
                if event.is_news {
                    return Ok(event.result);
                }
            }
            // The sender is the board's, which is held here.
            let _ = self.news.changed().await;
        }
    }

    fn take(&mut self) -> Result<Option<Event>, Lost> {
        if self.batch.is_empty() {
            let state = self.board.read();
            if state.topic != self.topic {
                return Err(Lost::Unknown);
            }
            let events = state.history.from(self.next, BATCH).ok_or(Lost::Forgotten)?;
            self.batch.extend(events);
            self.next += self.batch.len() as u64;
        }
        Ok(self.batch.pop_front())
    }
}
