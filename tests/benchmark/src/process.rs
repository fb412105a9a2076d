//! Children, and what they take: this program under another name.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use test_support::broker_process;
use test_support::child::Child;

use crate::proc_fs;

/// What this program is besides the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The job.
    Job,
    /// The development broker.
    Broker,
    /// A consumer that throws everything away.
    Floor,
}

impl Role {
    const ALL: [Role; 3] = [Role::Job, Role::Broker, Role::Floor];

    fn name(self) -> &'static str {
        match self {
            Role::Job => "order-analytics",
            Role::Broker => broker_process::NAME,
            Role::Floor => "floor",
        }
    }

    /// The role that a process called `name` plays.
    pub(crate) fn called(name: &OsStr) -> Option<Role> {
        Role::ALL.into_iter().find(|role| name == role.name())
    }
}

/// What a child that has ended took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system time of the whole process.
    pub(crate) cpu: Duration,
    /// From start to end.
    pub(crate) wall: Duration,
    /// The most memory at a time, in KiB.
    pub(crate) peak_kib: u64,
}

/// A running child that is measured; dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    started: Instant,
    peak: Peak,
}

impl Process {
    /// Starts a child; its output goes to the file `log`, behind what stands there.
    pub(crate) fn start(role: Role, args: &[String], log: &Path) -> Result<Process> {
        let started = Instant::now();
        let child = Child::spawn(&std::env::current_exe()?, role.name(), args, &[], log)?;
        let peak = Peak::watch(child.id());
        Ok(Process { child, started, peak })
    }

    /// Processor time so far, of the threads that live.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        proc_fs::threads_cpu(self.child.id())
    }

    /// Waits for the end. Only one child may be waited for at a time: its processor time is what is added to that of
    /// all children.
    ///
    /// # Errors
    /// When it does not end in time, or not well; the end of its log is in the error.
    pub(crate) fn wait(mut self, patience: Duration) -> Result<Usage> {
        let before = proc_fs::children_cpu()?;
        let status = self.child.wait(patience)?;
        let wall = self.started.elapsed();
        ensure!(status.success(), "{status}:\n{}", self.child.tail());
        Ok(Usage {
            cpu: proc_fs::children_cpu()? - before,
            wall,
            peak_kib: self.peak.kib(),
        })
    }

    /// SIGKILL; gives the moment of it.
    pub(crate) fn kill(self) -> Result<Instant> {
        let moment = Instant::now();
        self.child.kill()?;
        Ok(moment)
    }

    /// An error with the end of the log if the child has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        self.child.ensure_running()
    }
}

/// How often the memory of a process is looked at. The figure only ever grows, so little is missed.
const MEMORY_PERIOD: Duration = Duration::from_millis(20);

/// The most memory that a process has had at a time, watched until this is dropped.
#[derive(Debug)]
pub(crate) struct Peak(Arc<AtomicU64>);

impl Peak {
    /// Watches the process with this number.
    pub(crate) fn watch(process: u32) -> Peak {
        let kib = Arc::new(AtomicU64::new(0));
        let peak = Arc::downgrade(&kib);
        std::thread::spawn(move || {
            while let (Some(peak), Some(kib)) = (peak.upgrade(), proc_fs::peak_kib(process)) {
                peak.store(kib, Ordering::Relaxed);
                drop(peak);
                std::thread::sleep(MEMORY_PERIOD);
            }
        });
        Peak(kib)
    }

    /// The most so far, in KiB.
    pub(crate) fn kib(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
