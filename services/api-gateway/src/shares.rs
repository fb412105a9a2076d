//! How much of something each may have at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What each of those has at the moment who have anything.
pub(crate) struct Shares<K: Eq + Hash + Clone> {
    taken: Arc<Taken<K>>,
    most: u32,
}

struct Taken<K>(Mutex<HashMap<K, u32>>);

impl<K: Eq + Hash + Clone> Shares<K> {
    /// Each may have so many.
    pub(crate) fn new(most: u32) -> Shares<K> {
        Shares {
            taken: Arc::new(Taken(Mutex::default())),
            most,
        }
    }

    /// The most that one may have.
    pub(crate) fn most(&self) -> u32 {
        self.most
    }

    /// Another one, until it is dropped; `None` where there are as many as one may have.
    pub(crate) fn take(&self, who: K) -> Option<Share<K>> {
        let mut taken = self.taken.lock();
        let count = taken.entry(who.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share {
            taken: Arc::clone(&self.taken),
            who,
        })
    }
}

impl<K> Taken<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, u32>> {
        // Nothing that holds it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody has.
pub(crate) struct Share<K: Eq + Hash + Clone> {
    taken: Arc<Taken<K>>,
    who: K,
}

impl<K: Eq + Hash + Clone> Drop for Share<K> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.taken.lock().entry(self.who.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
impl<K: Eq + Hash + Clone> Shares<K> {
    /// Nobody has any, and nobody is remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.taken.lock().is_empty()
    }
}
