//! Streams that are open, a few for each user.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use service_common::failure::{Code, Failure};
use service_common::metrics::Metrics;

/// As metrics name the limit.
const LIMIT: &str = "streams";
/// After which time there may be room: a stream that broke off is given up by then.
const ROOM: Duration = Duration::from_secs(5);

/// How many streams each user has open.
pub(crate) struct Streams {
    open: Arc<Open>,
    most: u32,
    metrics: Metrics,
}

#[derive(Default)]
struct Open(Mutex<HashMap<String, u32>>);

impl Streams {
    pub(crate) fn new(most: NonZeroU32, metrics: &Metrics) -> Streams {
        Streams {
            open: Arc::default(),
            most: most.get(),
            metrics: metrics.clone(),
        }
    }

    /// A place for another stream of this user, until it is dropped.
    ///
    /// # Errors
    /// `rate_limited`: there are as many as one user may have.
    pub(crate) fn enter(&self, user_id: &str) -> Result<Place, Failure> {
        let mut open = self.open.lock();
        let count = open.entry(user_id.to_owned()).or_default();
        if *count >= self.most {
            self.metrics.rate_limited(LIMIT);
            let detail = format!("a user may have {} streams at a time", self.most);
            return Err(Failure::new(Code::RateLimited, detail).after(ROOM));
        }
        *count += 1;
        Ok(Place {
            open: Arc::clone(&self.open),
            user_id: user_id.to_owned(),
        })
    }
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // Nothing that holds it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an open stream.
pub(crate) struct Place {
    open: Arc<Open>,
    user_id: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.open.lock().entry(std::mem::take(&mut self.user_id)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_few_streams_and_nobody_is_remembered_who_has_none() {
        let metrics = Metrics::new("api-gateway").unwrap();
        let streams = Streams::new(NonZeroU32::MIN.saturating_add(1), &metrics);
        let first = streams.enter("usr_1").unwrap();
        let second = streams.enter("usr_1").unwrap();
        let refused = streams.enter("usr_1").map(drop).unwrap_err();
        assert_eq!(refused.code, Code::RateLimited);
        drop(streams.enter("usr_2").unwrap());
        drop(first);
        drop(streams.enter("usr_1").unwrap());
        drop(second);
        assert!(streams.open.lock().is_empty());
    }
}
