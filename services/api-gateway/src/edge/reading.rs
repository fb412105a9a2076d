//! Bodies that are on their way: nobody can fill the gateway with bodies that hardly move.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use service_common::failure::{Code, Failure};

use super::address::Network;

/// When it is worth while to try again.
const ROOM: Duration = Duration::from_secs(1);

/// How many bodies come from where.
pub(crate) struct Reading {
    /// The most that may come from one network.
    most: u32,
    under_way: Mutex<HashMap<Network, u32>>,
}

/// A body that is being read, until this is dropped.
pub(super) struct OneBody<'r> {
    reading: &'r Reading,
    network: Network,
}

impl Reading {
    /// One network can have a quarter of what is worked on at a time.
    pub(crate) fn new(max_in_flight: u32) -> Reading {
        Reading {
            most: max_in_flight.div_ceil(4),
            under_way: Mutex::default(),
        }
    }

    /// A body from there is going to be read.
    ///
    /// # Errors
    /// Too many are already.
    pub(super) fn begin(&self, network: Network) -> Result<OneBody<'_>, Failure> {
        let mut under_way = self.under_way();
        let count = under_way.entry(network).or_default();
        if *count >= self.most {
            let reason = "too many requests of this address have not arrived whole";
            return Err(Failure::new(Code::RateLimited, reason).after(ROOM));
        }
        *count += 1;
        Ok(OneBody {
            reading: self,
            network,
        })
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Network, u32>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OneBody<'_> {
    fn drop(&mut self) {
        let mut under_way = self.reading.under_way();
        if let Some(count) = under_way.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.network);
            }
        }
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
        assert!(reading.under_way().is_empty());
    }
}
