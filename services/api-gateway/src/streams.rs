//! Streams that are open, a few for each user.

use std::num::NonZeroU32;
use std::time::Duration;

use service_common::failure::{Code, Failure};
use service_common::metrics::Metrics;

use crate::shares::{Share, Shares};

/// As metrics name the limit.
const LIMIT: &str = "streams";
/// After which time there may be room: a stream that broke off is given up by then.
const ROOM: Duration = Duration::from_secs(5);

/// How many streams each user has open.
pub(crate) struct Streams {
    open: Shares<String>,
    metrics: Metrics,
}

/// The place of an open stream.
pub(crate) type Place = Share<String>;

impl Streams {
    pub(crate) fn new(most: NonZeroU32, metrics: &Metrics) -> Streams {
        Streams {
            open: Shares::new(most.get()),
            metrics: metrics.clone(),
        }
    }

    /// A place for another stream of this user, until it is dropped.
    ///
    /// # Errors
    /// `rate_limited`: there are as many as one user may have.
    pub(crate) fn enter(&self, user_id: &str) -> Result<Place, Failure> {
        self.open.take(user_id.to_owned()).ok_or_else(|| {
            self.metrics.rate_limited(LIMIT);
            let detail = format!("a user may have {} streams at a time", self.open.most());
            Failure::new(Code::RateLimited, detail).after(ROOM)
        })
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
        assert!(streams.open.is_empty());
    }
}
