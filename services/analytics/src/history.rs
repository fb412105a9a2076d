//! What was published last, to go on from.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use weir_proto::AnalyticsResult;

use crate::position::{Mark, Position};

/// A result as it stands in the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where.
    pub partition: i32,
    /// Which record.
    pub mark: Mark,
    /// It.
    pub result: AnalyticsResult,
    /// Whether it was news when it was read: a lower revision that another partition held back is none.
    pub is_news: bool,
}

/// The last results in the order in which they were read: a ring, so a reader that falls behind is overtaken and holds
/// nothing up.
#[derive(Debug)]
pub struct History {
    events: VecDeque<Event>,
    /// The number of the first one that is held; they are counted from 0.
    first: u64,
    most: NonZeroUsize,
    /// The last records of each partition that are not held any more.
    forgotten: Position,
    /// The last record of each partition.
    last: Position,
}

/// Why a stream cannot go on from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Something that follows it is not held any more.
    #[error("what follows this event is not held any more")]
    Forgotten,
    /// The topic holds no such event: it was made anew, or the id is of another one.
    #[error("the topic holds no such event")]
    Unknown,
    /// It was not read yet; it may be soon.
    #[error("the topic holds no such event yet")]
    Ahead,
}

impl History {
    /// None yet, and at most this many.
    #[must_use]
    pub fn new(most: NonZeroUsize) -> History {
        History {
            events: VecDeque::new(),
            first: 0,
            most,
            forgotten: Position::default(),
            last: Position::default(),
        }
    }

    /// Adds what was read. The marks of a partition come in their order.
    pub fn push(&mut self, event: Event) {
        self.last.see(event.partition, event.mark);
        self.events.push_back(event);
        if self.events.len() > self.most.get()
            && let Some(oldest) = self.events.pop_front()
        {
            self.forgotten.see(oldest.partition, oldest.mark);
            self.first += 1;
        }
    }

    /// Behind all that was read: the number of the next event, and the position before it.
    #[must_use]
    pub fn end(&self) -> (u64, Position) {
        (self.first + self.events.len() as u64, self.last.clone())
    }

    /// The number of the event to begin at for one who has seen all up to the position; those of it that were seen are to be
    /// left out.
    ///
    /// # Errors
    /// Why there would be a gap.
    pub fn resume(&self, position: &Position) -> Result<u64, Lost> {
        for (partition, _) in self.forgotten.marks() {
            if position.of(partition).is_none() {
                return Err(Lost::Forgotten);
            }
        }
        for (partition, seen) in position.marks() {
            let is_ahead = self
                .last
                .of(partition)
                .is_none_or(|last| last.offset < seen.offset);
            if is_ahead {
                return Err(Lost::Ahead);
            }
            match self.forgotten.of(partition) {
                Some(forgotten) if seen.offset < forgotten.offset => return Err(Lost::Forgotten),
                Some(forgotten) if seen == forgotten => continue,
                _ => {}
            }
            let mut held = self.events.iter();
            if !held.any(|event| event.partition == partition && event.mark == seen) {
                return Err(Lost::Unknown);
            }
        }
        let is_unseen = |event: &Event| {
            position
                .of(event.partition)
                .is_none_or(|seen| seen.offset < event.mark.offset)
        };
        let next = self
            .events
            .iter()
            .position(is_unseen)
            .unwrap_or(self.events.len());
        Ok(self.first + next as u64)
    }

    /// At most `most` events from the one of this number on; `None` where that is not held any more.
    #[must_use]
    pub fn from(&self, number: u64, most: usize) -> Option<impl Iterator<Item = &Event>> {
        let skipped = number.checked_sub(self.first)?;
        let skipped =
            usize::try_from(skipped).map_or(self.events.len(), |skipped| skipped.min(self.events.len()));
        Some(self.events.range(skipped..).take(most))
    }
}
