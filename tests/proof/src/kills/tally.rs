//! What came of the kills.

/// What came of the kills.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Rounds judged.
    pub rounds: u32,
    /// Processes killed, the job's and the broker's.
    pub kills: u32,
    /// Of these, kills of the broker.
    pub broker_kills: u32,
    /// Of these, kills at a named moment inside the job.
    pub named_kills: u32,
    /// Of these, kills of a job that did not come to its named moment in time.
    pub missed_moments: u32,
    /// Times the job was stopped with SIGSTOP and went on.
    pub freezes: u32,
    /// Times another process took over from a frozen one.
    pub takeovers: u32,
    /// Times the job was asked to stop and did.
    pub stops: u32,
    /// Orders in the windows, by SQL.
    pub orders: i64,
    /// Windows, by SQL.
    pub windows: i64,
    /// Results with a revision above zero.
    pub revisions: i64,
    /// Results that were compared with what SQL says of their own commit.
    pub by_commit: i64,
    /// Orders in late topics.
    pub late: i64,
    /// Records in dead letters.
    pub dead: i64,
    /// Orders that are missing.
    pub lost: i64,
    /// Orders that are counted twice.
    pub doubled: i64,
    /// Everything that is wrong, in words.
    pub faults: Vec<String>,
}

impl Tally {
    /// Whether every round was exact.
    pub fn holds(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.faults.is_empty()
    }

    pub(super) fn add(&mut self, round: Tally) {
        self.rounds += round.rounds;
        self.kills += round.kills;
        self.broker_kills += round.broker_kills;
        self.named_kills += round.named_kills;
        self.missed_moments += round.missed_moments;
        self.freezes += round.freezes;
        self.takeovers += round.takeovers;
        self.stops += round.stops;
        self.orders += round.orders;
        self.windows += round.windows;
        self.revisions += round.revisions;
        self.by_commit += round.by_commit;
        self.late += round.late;
        self.dead += round.dead;
        self.lost += round.lost;
        self.doubled += round.doubled;
        self.faults.extend(round.faults);
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "kills {} ({} of the broker, {} at named moments, {} named moments missed), {} freezes, {} takeovers, {} stops; {} orders in {} windows, \
             {} revisions, {} results by commit, {} late, {} dead letters; lost {}, doubled {}, faults {}",
            self.kills,
            self.broker_kills,
            self.named_kills,
            self.missed_moments,
            self.freezes,
            self.takeovers,
            self.stops,
            self.orders,
            self.windows,
            self.revisions,
            self.by_commit,
            self.late,
            self.dead,
            self.lost,
            self.doubled,
            self.faults.len()
        )
    }
}
