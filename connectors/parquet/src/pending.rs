//! Results on their way to the storage: what waits, what may be written when, and what is safe.
//!
//! No I/O and no clock in here: the writer's task asks and tells.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use weir_proto::{AnalyticsResult, Timestamp};

use crate::hour::Hour;
use crate::rows::Rows;

/// A file is written at most once in this time; Google Cloud Storage allows no more.
const PER_FILE: Duration = Duration::from_secs(1);
/// Results of the past wait for their hour to be complete, but only so long after the last one...
const QUIET: Duration = Duration::from_secs(2);
/// ... and after the first one.
const HOLD: Duration = Duration::from_secs(30);
/// A window that ended longer ago than this is of the past: nobody waits for it as they wait for the present one.
const PAST_MS: i64 = 5 * 60 * 1000;
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// Once told to finish, give each hour up after so many failures in a row.
const TRIES_AT_THE_END: u32 = 3;

/// What the task shall do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Merge these rows into the file of this hour, then call [`Pending::written`] or [`Pending::failed`].
    Write(Hour, Vec<AnalyticsResult>),
    /// Nothing before then, unless something new comes.
    Wait(Instant),
    /// Nothing, unless something new comes or what is under way ends.
    Idle,
    /// Told to finish, and nothing is left to try.
    Finished,
}

/// Which hours a failure holds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only the one that failed.
    ThisHour,
    /// All: the storage itself is away.
    Everything,
}

/// Rows not yet in storage, by hour and window: however long the storage is away there is one row a window.
#[derive(Debug)]
pub(crate) struct Pending {
    hours: BTreeMap<Hour, Waiting>,
    /// How many hours may be handed out at a time.
    at_once: usize,
    /// The position up to which everything has been handed over.
    received: Option<i64>,
    newest: Option<Hour>,
    /// The storage is away: try nothing before then.
    paused_until: Option<Instant>,
    /// Failures of the storage itself since it last took something.
    outages: u32,
    finishing: bool,
}

/// One hour.
#[derive(Debug)]
struct Waiting {
    rows: Rows,
    /// Rows handed out to be written and not yet known to be safe.
    writing: Option<Vec<AnalyticsResult>>,
    /// The last position before the first of these rows came: everything up to it that belongs here is safe.
    safe: Option<i64>,
    /// `safe` as it will be when what is being written is written.
    safe_then: Option<i64>,
    first_at: Instant,
    last_at: Instant,
    of_the_past: bool,
    /// Not before then: too soon after the last write, or after a failure.
    not_before: Option<Instant>,
    failures: u32,
}

impl Pending {
    /// Nothing waits. At most `at_once` hours will be handed out at a time.
    pub(crate) fn new(at_once: usize) -> Self {
        Self {
            hours: BTreeMap::new(),
            at_once,
            received: None,
            newest: None,
            paused_until: None,
            outages: 0,
            finishing: false,
        }
    }

    /// Takes rows that lie before `position` in the results topic. Positions never go back; rows may be none.
    pub(crate) fn add(&mut self, rows: Vec<AnalyticsResult>, position: i64, now: Instant, wall: Timestamp) {
        let before = self.received;
        for row in rows {
            let hour = Hour::of(row.window_start());
            self.newest = self.newest.max(Some(hour));
            let waiting = self.hours.entry(hour).or_insert_with(|| Waiting::new(now));
            waiting.add(row, before, now, wall);
        }
        self.received = before.max(Some(position));
    }

    /// The position up to which everything is in storage; `None` while not even the first rows are.
    pub(crate) fn durable(&self) -> Option<i64> {
        self.hours
            .values()
            .filter(|waiting| waiting.is_waiting())
            .map(|waiting| waiting.safe)
            .min()
            .unwrap_or(self.received)
    }

    /// From now on everything is due, and failures are not retried for ever.
    pub(crate) fn finish(&mut self) {
        self.finishing = true;
        self.paused_until = None;
        self.outages = 0;
        for waiting in self.hours.values_mut() {
            waiting.not_before = None;
            waiting.failures = 0;
        }
    }

    /// What to do now. An hour handed out is not handed out again before its outcome is told.
    pub(crate) fn next(&mut self, now: Instant) -> Next {
        // An hour without rows is kept only to space its writes.
        self.hours
            .retain(|_, waiting| waiting.is_waiting() || waiting.not_before.is_some_and(|until| until > now));
        let (finishing, newest, paused_until) = (self.finishing, self.newest, self.paused_until);
        let handed_out = self
            .hours
            .values()
            .filter(|waiting| waiting.writing.is_some())
            .count();
        // One hour tries whether a storage that was away is back.
        if handed_out >= if self.outages > 0 { 1 } else { self.at_once } {
            return Next::Idle;
        }
        let hopeless = finishing && self.outages >= TRIES_AT_THE_END;
        let mut soonest: Option<(Instant, Hour)> = None;
        for (&hour, waiting) in &self.hours {
            if waiting.rows.is_empty() || waiting.writing.is_some() || hopeless {
                continue;
            }
            if finishing && waiting.failures >= TRIES_AT_THE_END {
                continue;
            }
            let complete = finishing || newest > Some(hour);
            let at = waiting
                .due(complete)
                .max(waiting.not_before.unwrap_or(now))
                .max(paused_until.unwrap_or(now));
            if soonest.is_none_or(|least| (at, hour) < least) {
                soonest = Some((at, hour));
            }
        }
        match soonest {
            Some((at, hour)) if at <= now => {
                let waiting = self.hours.get_mut(&hour).expect("found in this map a moment ago");
                Next::Write(hour, waiting.hand_out(self.received))
            }
            Some((at, _)) => Next::Wait(at),
            None if finishing && self.hours.values().all(|waiting| waiting.writing.is_none()) => {
                Next::Finished
            }
            None => Next::Idle,
        }
    }

    /// The rows handed out for this hour are in storage.
    pub(crate) fn written(&mut self, hour: Hour, now: Instant) {
        self.paused_until = None;
        self.outages = 0;
        if let Some(waiting) = self.hours.get_mut(&hour) {
            waiting.writing = None;
            waiting.safe = waiting.safe_then;
            waiting.failures = 0;
            waiting.not_before = if self.finishing {
                None
            } else {
                Some(now + PER_FILE)
            };
        }
    }

    /// The rows handed out for this hour could not be written: they wait again, and longer each time.
    pub(crate) fn failed(&mut self, hour: Hour, reach: Reach, now: Instant) {
        let Some(waiting) = self.hours.get_mut(&hour) else {
            return;
        };
        waiting
            .rows
            .take_all(waiting.writing.take().into_iter().flatten());
        match reach {
            Reach::ThisHour => {
                waiting.not_before = Some(now + delay_after(waiting.failures));
                waiting.failures += 1;
            }
            // Those that were under way when the first one failed tell nothing new.
            Reach::Everything if self.paused_until.is_some_and(|until| until > now) => {}
            Reach::Everything => {
                self.paused_until = Some(now + delay_after(self.outages));
                self.outages += 1;
            }
        }
    }
}

fn delay_after(failures: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << failures.min(10)).min(LAST_RETRY)
}

impl Waiting {
    fn new(now: Instant) -> Self {
        Self {
            rows: Rows::default(),
            writing: None,
            safe: None,
            safe_then: None,
            first_at: now,
            last_at: now,
            of_the_past: true,
            not_before: None,
            failures: 0,
        }
    }

    fn add(&mut self, row: AnalyticsResult, before: Option<i64>, now: Instant, wall: Timestamp) {
        if self.rows.is_empty() {
            self.first_at = now;
            self.of_the_past = true;
            if self.writing.is_none() {
                self.safe = before;
            }
            self.safe_then = before;
        }
        self.last_at = now;
        self.of_the_past &= row.window_end().millis() < wall.millis() - PAST_MS;
        self.rows.take(row);
    }

    fn is_waiting(&self) -> bool {
        !self.rows.is_empty() || self.writing.is_some()
    }

    /// When these rows should be written, were there no limits.
    fn due(&self, complete: bool) -> Instant {
        if complete || !self.of_the_past {
            return self.first_at;
        }
        (self.last_at + QUIET).min(self.first_at + HOLD)
    }

    fn hand_out(&mut self, received: Option<i64>) -> Vec<AnalyticsResult> {
        let rows: Vec<_> = std::mem::take(&mut self.rows).into_rows().collect();
        self.safe_then = received;
        self.writing = Some(rows.clone());
        rows
    }
}

#[cfg(test)]
mod tests;
