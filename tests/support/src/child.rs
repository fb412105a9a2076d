//! A child process that can be ended in every way and says what it said last.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Lines of a log that are worth showing when something went wrong.
const TAIL: usize = 25;

/// A running child. Dropped, it is killed; dropped in a panic, the end of its log is printed.
#[derive(Debug)]
pub struct Child {
    name: String,
    child: std::process::Child,
    log: PathBuf,
    /// Closed when this process dies, which ends a child that called [`end_with_parent`].
    _lifeline: Option<ChildStdin>,
}

impl Child {
    /// Starts `program` under the name `called`: a program that is several things decides by it which one it is. Its
    /// output goes to the file `log`, behind what stands there.
    ///
    /// # Errors
    /// When the program or the file cannot be opened.
    pub fn spawn<A: AsRef<OsStr>>(
        program: &Path,
        called: &str,
        args: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
        log: &Path,
    ) -> Result<Child> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| log.display().to_string())?;
        let mut child = Command::new(program)
            .arg0(called)
            .args(args)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {called} ({})", program.display()))?;
        let lifeline = child.stdin.take();
        Ok(Child {
            name: called.to_owned(),
            child,
            log: log.to_owned(),
            _lifeline: lifeline,
        })
    }

    /// The system's number for it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal)
            .with_context(|| format!("{signal} to {}", self.name))
    }

    /// SIGKILL, and waits until the process is gone.
    ///
    /// # Errors
    /// When it had ended by itself before, or cannot be waited for; the end of its log is in the error.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        if !killed(status) {
            bail!("{} had ended with {status}:\n{}", self.name, self.tail());
        }
        Ok(())
    }

    /// SIGSTOP: the process stands still and holds what it holds.
    ///
    /// # Errors
    /// When it is gone.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When it is gone.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }

    /// SIGTERM; see [`Child::wait`].
    ///
    /// # Errors
    /// When it is gone.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::SIGTERM)
    }

    /// How it ended, or `None` while it runs.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Nothing while it runs.
    ///
    /// # Errors
    /// When it has ended; the end of its log is in the error.
    pub fn ensure_running(&mut self) -> Result<()> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, self.tail()),
        }
    }

    /// Waits for the process to end by itself.
    ///
    /// # Errors
    /// When it does not in time; the end of its log is in the error.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                let (name, seconds) = (&self.name, patience.as_secs());
                bail!("{name} still runs after {seconds} s:\n{}", self.tail());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Everything it wrote, and what those wrote that had the same log before it.
    pub fn log(&self) -> String {
        std::fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of its log, with a heading.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(TAIL)..];
        format!("--- end of the log of {}\n{}\n---", self.name, last.join("\n"))
    }
}

/// Whether SIGKILL ended a process: nothing that it does wrong by itself ends it that way.
pub fn killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGKILL as i32)
}

impl Drop for Child {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.tail());
        }
        // A process that is gone already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends this process when the pipe to its standard input closes, which it does when the parent dies in whatever way.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0_u8; 16];
        while matches!(std::io::stdin().read(&mut nothing), Ok(read) if read > 0) {}
        std::process::exit(1);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn killing_what_has_ended_by_itself_is_an_error() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let log = folder.path().join("log");
        let shell = |script| Child::spawn(Path::new("/bin/sh"), "sh", ["-c", script], &[], &log);
        let mut crashed = shell("echo a reason; exit 3").expect("a shell starts");
        crashed
            .wait(Duration::from_secs(60))
            .expect("the shell ends by itself");
        let error = crashed.kill().expect_err("it was not killed").to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("a reason"),
            "{error}"
        );
        shell("read line")
            .expect("a shell starts")
            .kill()
            .expect("a running shell can be killed");
    }
}
