//! Bodies that are on their way: nobody can fill the gateway with bodies that hardly move.

use std::time::Duration;

use service_common::failure::{Code, Failure};

use super::address::Network;
use crate::shares::{Share, Shares};

/// When it is worth while to try again.
const ROOM: Duration = Duration::from_secs(1);

/// How many bodies come from where.
pub(crate) struct Reading(Shares<Network>);

impl Reading {
    /// One network can have a quarter of what is worked on at a time.
    pub(crate) fn new(max_in_flight: u32) -> Reading {
        Reading(Shares::new(max_in_flight.div_ceil(4)))
    }

    /// A body from there is going to be read, until what this gives is dropped.
    ///
    /// # Errors
    /// Too many are already.
    pub(super) fn begin(&self, network: Network) -> Result<Share<Network>, Failure> {
        self.0.take(network).ok_or_else(|| {
            let reason = "too many requests of this address have not arrived whole";
            Failure::new(Code::RateLimited, reason).after(ROOM)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn network(address: &str) -> Network {
        Network::of(&HeaderMap::new(), address.parse().unwrap(), 0)
    }

    #[test]
    fn one_network_leaves_room_for_others_and_nothing_is_kept_of_it() {
        let reading = Reading::new(8);
        let (one, other) = (network("10.0.0.1:1"), network("10.0.0.2:1"));
        let first = reading.begin(one).unwrap_or_else(|_| panic!("the first"));
        let second = reading.begin(one);
        assert!(second.is_ok());
        let third = reading.begin(one).map(|_| ()).unwrap_err();
        assert_eq!((third.code, third.retry_after), (Code::RateLimited, Some(ROOM)));
        assert!(reading.begin(other).is_ok());
        drop(first);
        assert!(reading.begin(one).is_ok());
        drop(second);
        assert!(reading.0.is_empty());
    }
}
