//! Rejected records that no commit holds yet.

use std::collections::BTreeMap;

use weir_dataflow::source::{Reason, Reject};

/// Rejects are written ahead of their cut once they take so much memory, in bytes.
const AHEAD_BYTES: u64 = 4 << 20;
/// What a reject takes in memory besides its key, value and reason, in bytes, roughly.
const REJECT_BYTES: u64 = 200;

/// Rejects by stamp, and the memory they take.
#[derive(Debug)]
pub(super) struct Rejects {
    waiting: BTreeMap<u64, Vec<Reject>>,
    bytes: u64,
    /// They are written ahead of their cut once they are as large as this.
    ahead_at_bytes: u64,
    /// Most that is written ahead at once.
    ahead_bytes: u64,
}

impl Default for Rejects {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            bytes: 0,
            ahead_at_bytes: AHEAD_BYTES,
            ahead_bytes: AHEAD_BYTES,
        }
    }
}

impl Rejects {
    pub(super) fn add(&mut self, time: u64, reject: Reject) {
        self.bytes += memory_of(&reject);
        self.waiting.entry(time).or_default().push(reject);
    }

    /// Memory that they take, in bytes, roughly.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn set_ahead_bytes(&mut self, bytes: u64) {
        self.ahead_bytes = bytes;
        self.ahead_at_bytes = bytes;
    }

    /// Whether any is stamped before `frontier`.
    pub(super) fn any_before(&self, frontier: u64) -> bool {
        self.waiting.range(..frontier).next().is_some()
    }

    /// Takes those that are stamped before `frontier`.
    pub(super) fn take_before(&mut self, frontier: u64) -> Vec<Reject> {
        let rest = self.waiting.split_off(&frontier);
        let taken = std::mem::replace(&mut self.waiting, rest);
        self.written(taken)
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> Vec<Reject> {
        let taken = std::mem::take(&mut self.waiting);
        self.written(taken)
    }

    fn written(&mut self, taken: BTreeMap<u64, Vec<Reject>>) -> Vec<Reject> {
        let taken: Vec<Reject> = taken.into_values().flatten().collect();
        let bytes: u64 = taken.iter().map(memory_of).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        self.ahead_at_bytes = self.bytes + self.ahead_bytes;
        taken
    }

    /// Takes some of those that are `settled`, whatever their stamp, once there are many.
    pub(super) fn ahead(&mut self, settled: impl Fn(&Reject) -> bool) -> Vec<Reject> {
        if self.bytes < self.ahead_at_bytes {
            return Vec::new();
        }
        // A commit is held several times on its way, so it is no larger than it must be.
        let mut room = self.ahead_bytes;
        let mut taken = |reject: &mut Reject| {
            let take = room > 0 && settled(reject);
            if take {
                room = room.saturating_sub(memory_of(reject));
            }
            take
        };
        let mut rejects = Vec::new();
        for waiting in self.waiting.values_mut() {
            rejects.extend(waiting.extract_if(.., &mut taken));
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
        let bytes: u64 = rejects.iter().map(memory_of).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        // Those that are left are either the rest, or must wait for their cut.
        let left = if room == 0 { 0 } else { self.bytes };
        self.ahead_at_bytes = left + self.ahead_bytes;
        rejects
    }
}

/// What a reject takes in memory, in bytes, roughly.
fn memory_of(reject: &Reject) -> u64 {
    let (Reason::Invalid(text) | Reason::Late(text)) = &reject.reason;
    let own =
        reject.key.as_ref().map_or(0, Vec::len) + reject.value.as_ref().map_or(0, Vec::len) + text.len();
    own as u64 + REJECT_BYTES
}
