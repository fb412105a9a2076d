//! How many requests may come: of a user, of an address, to an account.

use std::hash::{BuildHasher, Hash, RandomState};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use service_common::failure::{Code, Failure};
use service_common::metrics::Metrics;

use super::address::Network;
use crate::options::Limits;

/// All limits of rates.
pub(crate) struct Limiters {
    user: Limiter<String>,
    address: Limiter<Network>,
    credentials: Limiter<Network>,
    account: Limiter<u64>,
    /// Accounts are known by a hash of their e-mail address: the address itself is nowhere kept.
    hashing: RandomState,
}

impl Limiters {
    pub(crate) fn new(limits: &Limits, metrics: &Metrics) -> Limiters {
        let per_second = Quota::per_second;
        let of_a_user = per_second(limits.limit_user).allow_burst(limits.limit_user_burst);
        Limiters {
            user: Limiter::new("user", of_a_user, metrics),
            address: Limiter::new("address", per_second(limits.limit_address), metrics),
            credentials: Limiter::new("credentials", per_second(limits.limit_credentials), metrics),
            account: Limiter::new("account", Quota::per_minute(limits.limit_account), metrics),
            hashing: RandomState::new(),
        }
    }

    /// A request of this user.
    pub(crate) fn user(&self, id: &String) -> Result<(), Failure> {
        self.user.count(id)
    }

    /// A request from there.
    pub(super) fn address(&self, network: Network) -> Result<(), Failure> {
        self.address.count(&network)
    }

    /// An attempt to register or to log in, from there.
    pub(super) fn credentials(&self, network: Network) -> Result<(), Failure> {
        self.credentials.count(&network)
    }

    /// An attempt to register or to log in with this e-mail address.
    pub(crate) fn account(&self, email: &str) -> Result<(), Failure> {
        self.account
            .count(&self.hashing.hash_one(email.trim().to_lowercase()))
    }

    /// Forgets all whose limits are whole again.
    pub(super) fn forget_the_quiet(&self) {
        self.user.forget_the_quiet();
        self.address.forget_the_quiet();
        self.credentials.forget_the_quiet();
        self.account.forget_the_quiet();
    }
}

struct Limiter<K: Hash + Eq + Clone> {
    name: &'static str,
    rates: DefaultKeyedRateLimiter<K>,
    metrics: Metrics,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(name: &'static str, quota: Quota, metrics: &Metrics) -> Limiter<K> {
        Limiter {
            name,
            rates: RateLimiter::keyed(quota),
            metrics: metrics.clone(),
        }
    }

    fn count(&self, key: &K) -> Result<(), Failure> {
        self.rates.check_key(key).map_err(|until| {
            self.metrics.rate_limited(self.name);
            let wait = until.wait_time_from(DefaultClock::default().now());
            Failure::new(Code::RateLimited, "too many requests").after(wait)
        })
    }

    fn forget_the_quiet(&self) {
        self.rates.retain_recent();
        self.rates.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_says_when_to_come_again_and_is_each_keys_own() {
        let metrics = Metrics::new("test").unwrap();
        let limiter = Limiter::new("user", Quota::per_hour(NonZeroU32::MIN), &metrics);
        assert!(limiter.count(&1).is_ok());
        assert!(limiter.count(&2).is_ok());
        let failure = limiter.count(&1).unwrap_err();
        assert_eq!(failure.code, Code::RateLimited);
        assert!(
            failure
                .retry_after
                .is_some_and(|delay| delay > Duration::from_secs(3_000))
        );
        assert!(
            metrics
                .scrape()
                .unwrap()
                .contains(r#"rate_limited_total{limit="user",service="test"} 1"#)
        );
    }

    #[test]
    fn whose_limit_is_whole_again_is_forgotten() {
        let metrics = Metrics::new("test").unwrap();
        let quick = Quota::with_period(Duration::from_nanos(1)).unwrap();
        let limiter = Limiter::new("user", quick, &metrics);
        (0..1_000).for_each(|n| limiter.count(&n).unwrap());
        limiter.forget_the_quiet();
        assert_eq!(limiter.rates.len(), 0);
        let slow = Limiter::new("user", Quota::per_hour(NonZeroU32::MIN), &metrics);
        slow.count(&1).unwrap();
        slow.forget_the_quiet();
        assert!(slow.count(&1).is_err());
    }
}
