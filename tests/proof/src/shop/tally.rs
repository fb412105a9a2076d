//! What came of a run of the shop.

use std::collections::BTreeMap;

use super::load::Answered;

/// What came of a run of the shop.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Kills by the name of what was killed.
    pub kills: BTreeMap<&'static str, u32>,
    /// Orders answered with 201.
    pub taken: usize,
    /// Orders refused with a stored answer.
    pub refused: usize,
    /// Requests that had to be sent again.
    pub repeats: u64,
    /// Failures that were answered on the way, by status and code.
    pub failures: BTreeMap<String, u64>,
    /// Orders by their last state.
    pub states: BTreeMap<String, usize>,
    /// Charges that stayed.
    pub charges: usize,
    /// Charges that were given back.
    pub refunds: usize,
    /// Records in the orders topic that were there before.
    pub copies: usize,
    /// Windows, by SQL.
    pub windows: i64,
    /// Orders in windows, by SQL.
    pub counted: i64,
    /// Orders in the late topic.
    pub late: i64,
    /// Everything that is wrong, in words.
    pub faults: Vec<String>,
}

impl Tally {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }

    /// Processes killed in all.
    #[must_use]
    pub fn killed(&self) -> u32 {
        self.kills.values().sum()
    }

    /// Adds another run.
    pub fn add(&mut self, other: &Tally) {
        for (name, kills) in &other.kills {
            *self.kills.entry(name).or_default() += kills;
        }
        self.taken += other.taken;
        self.refused += other.refused;
        self.repeats += other.repeats;
        for (failure, count) in &other.failures {
            *self.failures.entry(failure.clone()).or_default() += count;
        }
        for (state, count) in &other.states {
            *self.states.entry(state.clone()).or_default() += count;
        }
        self.charges += other.charges;
        self.refunds += other.refunds;
        self.copies += other.copies;
        self.windows += other.windows;
        self.counted += other.counted;
        self.late += other.late;
        self.faults.extend(other.faults.iter().cloned());
    }

    pub(super) fn take(&mut self, answered: &Answered) {
        self.taken = answered.taken().count();
        self.refused = answered.orders.len() - self.taken;
        self.repeats = answered.repeats;
        self.failures.clone_from(&answered.failures);
        self.faults.extend(answered.faults.iter().cloned());
    }

    pub(super) fn fault(&mut self, what: String) {
        self.faults.push(what);
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "kills {} {:?}; orders taken {} {:?}, refused {}; requests repeated {} {:?}; charges {}, refunds {}; copies of \
             events {}; counted {} in {} windows, late {}; faults {}",
            self.killed(),
            self.kills,
            self.taken,
            self.states,
            self.refused,
            self.repeats,
            self.failures,
            self.charges,
            self.refunds,
            self.copies,
            self.counted,
            self.windows,
            self.late,
            self.faults.len()
        )
    }
}
