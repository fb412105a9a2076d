//! The job as a process, with the settings of one test.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Result, ensure};
use test_support::child::Child;

use super::JOB;
use crate::kafka;
use crate::oracle::{Rules, Topics};

/// A place in the job where it kills itself when the environment variable `WEIR_FAILPOINT` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailPoint {
    /// Before the transaction begins.
    BeforeCommit,
    /// Records delivered, transaction not committed.
    BetweenSendAndCommit,
    /// Transaction committed, Parquet not written.
    AfterCommitBeforeParquet,
    /// The progress has been read back, no order yet.
    DuringRecovery,
}

impl FailPoint {
    /// All of them.
    pub const ALL: [FailPoint; 4] = [
        FailPoint::BeforeCommit,
        FailPoint::BetweenSendAndCommit,
        FailPoint::AfterCommitBeforeParquet,
        FailPoint::DuringRecovery,
    ];

    /// The name the job knows it by.
    pub fn name(self) -> &'static str {
        match self {
            FailPoint::BeforeCommit => "before-commit",
            FailPoint::BetweenSendAndCommit => "between-send-and-commit",
            FailPoint::AfterCommitBeforeParquet => "after-commit-before-parquet",
            FailPoint::DuringRecovery => "during-recovery",
        }
    }
}

/// What a job is told. Cloned and changed, it is the next run.
#[derive(Debug, Clone)]
pub struct Job {
    /// This crate's binary.
    pub proof: PathBuf,
    /// `host:port` of the broker.
    pub bootstrap: String,
    /// `--job-id`.
    pub id: String,
    /// The topics; that of the progress follows from the id.
    pub topics: Topics,
    /// `--workers`.
    pub workers: u32,
    /// `--window`, `--watermark-lag`, `--allowed-lateness`, `--max-ahead`, `--currency`.
    pub rules: Rules,
    /// `--parquet`.
    pub parquet: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
    /// Where to die, and at which passage.
    pub fail: Option<(FailPoint, u32)>,
    /// Further arguments.
    pub more: Vec<String>,
}

/// How long a bounded run may take.
const BOUNDED: Duration = Duration::from_secs(90);

/// Parts of lines that a job writes only when something is wrong with it.
const COMPLAINTS: [&str; 2] = ["another result than was published", "panicked"];

impl Job {
    /// Starts it to follow the topic for ever.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn follow(&self) -> Result<Child> {
        self.spawn(&[])
    }

    /// Starts it to read to the end as it is now.
    ///
    /// # Errors
    /// When the process cannot be started.
    pub fn bounded(&self) -> Result<Child> {
        self.spawn(&["--bounded"])
    }

    /// Reads to the end and closes every window; what it published can be read when this returns.
    ///
    /// # Errors
    /// When it does not end, or not with exit code 0; the end of its log is in the error.
    pub fn finish(&self) -> Result<()> {
        let mut process = self.bounded()?;
        let status = process.wait(BOUNDED)?;
        ensure!(
            status.success(),
            "bounded run ended with {status}:\n{}",
            process.tail()
        );
        let Topics {
            results,
            dlq,
            late,
            progress,
            ..
        } = &self.topics;
        kafka::await_decided(&self.bootstrap, &[results, dlq, late, progress])
    }

    /// Runs it bounded where it must refuse; how it ended and everything it said.
    ///
    /// # Errors
    /// When it does not end.
    pub fn refused(&self) -> Result<(ExitStatus, String)> {
        let already = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        let mut process = self.bounded()?;
        let status = process.wait(BOUNDED)?;
        let log = process.log();
        Ok((
            status,
            log.get(usize::try_from(already)?..).unwrap_or(&log).to_owned(),
        ))
    }

    /// What its runs have said and never should: that an order was counted differently when it was read again, or a panic.
    pub fn complaints(&self) -> Vec<String> {
        let said = self.said();
        let grave = said
            .lines()
            .filter(|line| COMPLAINTS.iter().any(|complaint| line.contains(complaint)));
        grave.map(str::to_owned).collect()
    }

    /// Everything its runs have said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn spawn(&self, more: &[&str]) -> Result<Child> {
        let mut arguments = vec!["run".to_owned()];
        let flags = [
            ("--bootstrap-servers", self.bootstrap.clone()),
            ("--job-id", self.id.clone()),
            ("--orders-topic", self.topics.orders.clone()),
            ("--results-topic", self.topics.results.clone()),
            ("--dlq-topic", self.topics.dlq.clone()),
            ("--late-topic", self.topics.late.clone()),
            ("--workers", self.workers.to_string()),
            ("--currency", self.rules.currency.clone()),
            ("--window", seconds(self.rules.window_ms)),
            ("--watermark-lag", seconds(self.rules.lag_ms)),
            ("--allowed-lateness", seconds(self.rules.lateness_ms)),
            ("--max-ahead", seconds(self.rules.ahead_ms)),
            ("--parquet", path(&self.parquet)),
            ("--http-addr", "127.0.0.1:0".to_owned()),
        ];
        for (flag, value) in flags {
            arguments.extend([flag.to_owned(), value]);
        }
        arguments.extend(self.more.iter().cloned());
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let fail = self
            .fail
            .map(|(point, passage)| format!("{}:{passage}", point.name()));
        let environment: Vec<(&str, &str)> = fail
            .iter()
            .map(|value| ("WEIR_FAILPOINT", value.as_str()))
            .collect();
        Child::spawn(&self.proof, JOB, &arguments, &environment, &self.log)
    }
}

fn seconds(ms: i64) -> String {
    debug_assert!(ms % 1000 == 0, "settings are whole seconds");
    format!("{}s", ms / 1000)
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
