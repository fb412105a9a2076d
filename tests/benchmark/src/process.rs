//! Children: this program under another name.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

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
            Role::Broker => "dev-broker",
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

/// A running child; dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    role: Role,
    child: Child,
    started: Instant,
    log: PathBuf,
    peak_kib: Arc<AtomicU64>,
    /// Closed when this process dies, which ends the child.
    _lifeline: Option<ChildStdin>,
}

/// How often the memory of a child is looked at. The figure only ever grows, so little is missed.
const MEMORY_PERIOD: Duration = Duration::from_millis(20);

impl Process {
    /// Starts a child; its output goes to the file `log`, behind what stands there.
    pub(crate) fn start(role: Role, args: &[String], log: &Path) -> Result<Process> {
        let file = File::options().create(true).append(true).open(log)?;
        let started = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .arg0(role.name())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {}", role.name()))?;
        let lifeline = child.stdin.take();
        let peak_kib = Arc::new(AtomicU64::new(0));
        let (process, peak) = (child.id(), Arc::downgrade(&peak_kib));
        std::thread::spawn(move || {
            while let (Some(peak), Some(kib)) = (peak.upgrade(), proc_fs::peak_kib(process)) {
                peak.store(kib, Ordering::Relaxed);
                drop(peak);
                std::thread::sleep(MEMORY_PERIOD);
            }
        });
        Ok(Process {
            role,
            child,
            started,
            log: log.to_owned(),
            peak_kib,
            _lifeline: lifeline,
        })
    }

    /// Processor time so far, of the threads that live.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        proc_fs::threads_cpu(self.child.id())
    }

    /// The most memory so far, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.peak_kib.load(Ordering::Relaxed)
    }

    /// Waits for the end. Only one child may be waited for at a time: its processor time is what is added to that of
    /// all children.
    ///
    /// # Errors
    /// When it does not end in time, or not well; the end of its log is in the error.
    pub(crate) fn wait(mut self, patience: Duration) -> Result<Usage> {
        let before = proc_fs::children_cpu()?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let wall = self.started.elapsed();
                ensure!(status.success(), "{status}: {}", self.tail());
                return Ok(Usage {
                    cpu: proc_fs::children_cpu()? - before,
                    wall,
                    peak_kib: self.peak_kib(),
                });
            }
            if self.started.elapsed() > patience {
                bail!("still running after {} s: {}", patience.as_secs(), self.tail());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGKILL; gives the moment of it.
    pub(crate) fn kill(mut self) -> Result<Instant> {
        let moment = Instant::now();
        self.child.kill()?;
        self.child.wait()?;
        Ok(moment)
    }

    /// An error with the end of the log if the child has ended.
    pub(crate) fn ensure_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{status}: {}", self.tail()),
        }
    }

    /// The last lines of its log.
    pub(crate) fn tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(20)..];
        format!("the log of {} ends with\n{}", self.role.name(), last.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that is gone already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends this process when the pipe to its standard input closes, which it does when the parent dies in whatever way.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0_u8; 16];
        while matches!(std::io::stdin().read(&mut nothing), Ok(read) if read > 0) {}
        std::process::exit(1);
    });
}

/// Asks again and again until there is an answer.
///
/// # Errors
/// When there is none in time, or asking fails.
pub(crate) fn until<T>(
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            bail!("{what}: not within {} s", patience.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
