//! Fetches that wait for a partition to grow. An append wakes those of its partition and nobody else.

use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use crate::locked::locked;
use crate::log::Isolation;

/// Above this many entries those of finished fetches are thrown out.
const PRUNE_ABOVE: usize = 32;

/// The waiting fetches of a partition.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: Mutex<Vec<(Isolation, Weak<Notify>)>>,
}

impl Waiters {
    /// Registers a fetch; it is woken once.
    pub(crate) fn register(&self, isolation: Isolation, fetch: &Arc<Notify>) {
        let mut waiting = locked(&self.waiting);
        if waiting.len() >= PRUNE_ABOVE {
            waiting.retain(|(_, known)| known.strong_count() > 0);
        }
        waiting.push((isolation, Arc::downgrade(fetch)));
    }

    /// Wakes every reader whose view has grown.
    pub(crate) fn wake(&self, uncommitted: bool, committed: bool) {
        locked(&self.waiting).retain(|(isolation, fetch)| {
            let concerned = match isolation {
                Isolation::Uncommitted => uncommitted,
                Isolation::Committed => committed,
            };
            if concerned && let Some(fetch) = fetch.upgrade() {
                fetch.notify_one();
            }
            !concerned
        });
    }
}
