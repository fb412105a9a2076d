//! What can be done to a running job.

use std::time::Duration;

use rand::Rng;
use rand::rngs::SmallRng;

use crate::harness::FailPoint;

/// One act of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// SIGKILL to the job.
    KillJob,
    /// The job kills itself at the n-th passage of a named moment.
    FailAt(FailPoint, u32),
    /// SIGKILL to the broker, which is started again after a while; the job lives through it.
    KillBroker(Duration),
    /// SIGKILL to the broker and then to the job.
    KillBoth(Duration),
    /// SIGSTOP, and SIGCONT after a while.
    Freeze(Duration),
    /// SIGSTOP, another job takes over, SIGCONT: one of the two must notice and go.
    TakeOver,
    /// SIGTERM.
    Stop,
}

impl Act {
    pub(super) fn choose(random: &mut SmallRng, broker_is_ours: bool) -> Act {
        let away = Duration::from_millis(random.random_range(0..800));
        match random.random_range(0..100) {
            0..40 => Act::KillJob,
            40..65 => {
                let point = FailPoint::ALL[random.random_range(0..FailPoint::ALL.len())];
                let most = if point == FailPoint::DuringRecovery { 1 } else { 6 };
                Act::FailAt(point, random.random_range(1..=most))
            }
            65..75 if broker_is_ours => Act::KillBroker(away),
            75..85 if broker_is_ours => Act::KillBoth(away),
            85..90 => Act::Freeze(Duration::from_millis(random.random_range(50..2_500))),
            90..95 => Act::TakeOver,
            95..100 => Act::Stop,
            _ => Act::KillJob,
        }
    }
}

/// When an act strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// So long after the job was started, or after the act before.
    After(Duration),
    /// When the job has published something since.
    Published,
}

impl When {
    pub(super) fn choose(random: &mut SmallRng) -> When {
        match random.random_range(0..10) {
            // A job that is still starting, or reading again what it had read.
            0..3 => When::After(Duration::from_millis(random.random_range(0..300))),
            3..7 => When::After(Duration::from_millis(random.random_range(0..1_800))),
            _ => When::Published,
        }
    }
}
