//! The clocks of all source partitions of this process, and the rule by which a quiet one moves.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::source::Start;
use crate::window::{MILLIS, Rules};

/// What wakes a worker from another thread.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// The clocks that the workers of a process show each other.
///
/// A partition's clock is the largest event time read from it, each capped at its record's Kafka timestamp, less
/// the lag: it says that orders up to there have been read. It moves by reading, or, where nothing comes, by proof
/// that there is nothing to read; never by time passing.
///
/// # Examples
/// ```
/// use weir_dataflow::clocks::Clocks;
/// use weir_dataflow::window::Rules;
///
/// let rules = Rules { window: 60, lag: 10, lateness: 60, max_ahead_ms: 0 };
/// let clocks = Clocks::new(rules);
/// clocks.add(0, 100);
/// clocks.add(1, 100);
/// clocks.read(0, 500);
/// assert_eq!(clocks.slowest(), Some(100));
/// // Partition 1 is asked and found empty again and again: after the lag it may follow the furthest.
/// assert_eq!(clocks.prove(1, 1_000_000), 100);
/// assert_eq!(clocks.prove(1, 1_010_000), 500);
/// ```
pub struct Clocks {
    rules: Rules,
    state: Mutex<State>,
    waiting: Mutex<Vec<Wake>>,
}

#[derive(Default)]
struct State {
    partitions: BTreeMap<i32, Partition>,
    /// When all partitions had become quiet: the time of that proof (ms) and the furthest clock then.
    quiet: Option<(i64, u64)>,
}

struct Partition {
    clock: u64,
    proven_since: Option<i64>,
    proven_at: i64,
    /// Something lies there unread. It may be no order, so the proof stands, but it may be one, so nobody counts on it.
    unread: bool,
    /// What the last cut held is still being read again.
    replaying: bool,
    empty: bool,
    finished: bool,
}

impl Partition {
    fn at(clock: u64, replaying: bool) -> Self {
        Self {
            clock,
            proven_since: None,
            proven_at: 0,
            unread: false,
            replaying,
            empty: false,
            finished: false,
        }
    }
}

impl Clocks {
    /// No partitions yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            state: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panicking worker ends the process; the clocks themselves are never left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds all partitions of a start whose clocks are not known yet. Every worker does so before it reads: a worker
    /// that is ready first must not take its own partitions for all there are.
    pub fn begin(&self, start: &Start) {
        let mut state = self.state();
        for (&partition, at) in &start.partitions {
            state
                .partitions
                .entry(partition)
                .or_insert_with(|| Partition::at(start.frontier, at.replays()));
        }
    }

    /// Adds a partition whose clock stands at `clock` (seconds).
    pub fn add(&self, partition: i32, clock: u64) {
        let partition_clock = Partition::at(clock, false);
        self.state().partitions.insert(partition, partition_clock);
    }

    /// Everything that the last cut held of a partition has been read again.
    pub fn caught_up(&self, partition: i32) {
        let mut state = self.state();
        if let Some(known) = state.partitions.get_mut(&partition) {
            known.replaying = false;
        }
        let through = !state.replaying();
        drop(state);
        if through {
            self.wake_others();
        }
    }

    /// Whether any partition still reads again what the last cut held.
    pub fn replaying(&self) -> bool {
        self.state().replaying()
    }

    /// A valid order was read: the clock is now at `clock`, and no proof of quiet stands.
    pub fn read(&self, partition: i32, clock: u64) {
        let mut state = self.state();
        let before = state.slowest();
        state.quiet = None;
        if let Some(known) = state.partitions.get_mut(&partition) {
            known.clock = known.clock.max(clock);
            known.proven_since = None;
            known.unread = false;
            known.empty = false;
        }
        self.wake_if_moved(state, before);
    }

    /// Something was found unread: until it has been read the partition does not count as quiet. Whether its proof
    /// is broken shows then: an order breaks it, what is no order does not.
    pub fn unread(&self, partition: i32) {
        if let Some(known) = self.state().partitions.get_mut(&partition) {
            known.unread = true;
            known.empty = false;
        }
    }

    /// A question sent at `asked_ms` (wall clock) found nothing unread in the partition. Gives its clock.
    ///
    /// Proven for the length of the lag without a break, the clock goes to the furthest clock of all, or, when all
    /// are proven, on with the wall clock, and never beyond `asked_ms` less the lag.
    pub fn prove(&self, partition: i32, asked_ms: i64) -> u64 {
        let lag_ms = self.rules.lag as i64 * MILLIS;
        let mut state = self.state();
        let before = state.slowest();
        let furthest = state.furthest();
        let Some(known) = state.partitions.get_mut(&partition) else {
            return 0;
        };
        known.unread = false;
        let since = *known.proven_since.get_or_insert(asked_ms);
        known.proven_at = known.proven_at.max(asked_ms);
        if asked_ms - since < lag_ms {
            return known.clock;
        }
        let all_proven = state.partitions.values().all(|other| {
            let since = other.proven_since.filter(|_| !other.unread);
            since.is_some_and(|since| other.proven_at - since >= lag_ms)
        });
        let furthest = if all_proven {
            let (quiet_ms, then) = *state.quiet.get_or_insert((asked_ms, furthest));
            then + ((asked_ms - quiet_ms).max(0) / MILLIS) as u64
        } else {
            furthest
        };
        let limit = ((asked_ms - lag_ms).max(0) / MILLIS) as u64;
        let known = state
            .partitions
            .get_mut(&partition)
            .expect("the partition was found above");
        known.clock = known.clock.max(furthest.min(limit));
        let clock = known.clock;
        self.wake_if_moved(state, before);
        clock
    }

    /// A question sent at `asked_ms` found the partition without any record: it follows the slowest of the others.
    /// Gives its clock.
    pub fn follow(&self, partition: i32, asked_ms: i64) -> u64 {
        let limit = ((asked_ms - self.rules.lag as i64 * MILLIS).max(0) / MILLIS) as u64;
        let mut state = self.state();
        let before = state.slowest();
        let others = state
            .partitions
            .iter()
            .filter(|(other, known)| **other != partition && !known.empty && !known.finished)
            .map(|(_, known)| known.clock)
            .min();
        let Some(known) = state.partitions.get_mut(&partition) else {
            return 0;
        };
        known.empty = true;
        if let Some(others) = others {
            known.clock = known.clock.max(others.min(limit));
        }
        let clock = known.clock;
        self.wake_if_moved(state, before);
        clock
    }

    /// The partition has been read to the end of a bounded run: it holds nobody back any more.
    pub fn finish(&self, partition: i32) {
        let mut state = self.state();
        let before = state.slowest();
        if let Some(known) = state.partitions.get_mut(&partition) {
            known.finished = true;
        }
        self.wake_if_moved(state, before);
    }

    /// The least clock of all partitions that are still read, in seconds: what the frontier will be.
    pub fn slowest(&self) -> Option<u64> {
        self.state().slowest()
    }

    /// The clock of each partition, in seconds.
    pub fn all(&self) -> BTreeMap<i32, u64> {
        self.state()
            .partitions
            .iter()
            .map(|(partition, known)| (*partition, known.clock))
            .collect()
    }

    /// Calls `wake` whenever the slowest clock moves: for a worker that waits for the others.
    pub fn on_move(&self, wake: Wake) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(wake);
    }

    fn wake_if_moved(&self, state: MutexGuard<'_, State>, before: Option<u64>) {
        let moved = state.slowest() != before;
        drop(state);
        if moved {
            self.wake_others();
        }
    }

    /// Wakes the other workers; one that is alone has nobody to wake.
    fn wake_others(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() > 1 {
            waiting.iter().for_each(|wake| wake());
        }
    }

    /// Wakes every worker, for example when they may read again.
    pub fn wake_all(&self) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .for_each(|wake| wake());
    }
}

impl State {
    fn replaying(&self) -> bool {
        self.partitions.values().any(|known| known.replaying)
    }

    fn slowest(&self) -> Option<u64> {
        self.partitions
            .values()
            .filter(|known| !known.finished)
            .map(|known| known.clock)
            .min()
    }

    fn furthest(&self) -> u64 {
        self.partitions
            .values()
            .map(|known| known.clock)
            .max()
            .unwrap_or(0)
    }
}
