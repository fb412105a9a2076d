//! A service as a process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use test_support::child::Child;
use test_support::patience::until;

/// How long a service may take to serve, and to stop when asked.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a service writes once it serves.
const SERVES: &str = "\"message\":\"ready\"";
/// What a service writes only when something is wrong with it.
const COMPLAINTS: [&str; 2] = ["panicked", "\"level\":\"ERROR\""];

/// A service, which may be running.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) log: PathBuf,
    /// How often it had come to serve before its last start.
    pub(super) served: usize,
    pub(super) child: Option<Child>,
}

impl Service {
    /// Starts it, unless it runs.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(&mut self) -> Result<()> {
        if self.child.is_none() {
            self.served = self.said().matches(SERVES).count();
            // It does not notice that its parent is gone; the system ends it then.
            let mut all = ["--pdeathsig", "KILL"].map(str::to_owned).to_vec();
            all.push(self.program.display().to_string());
            all.extend(self.arguments.iter().cloned());
            self.child = Some(Child::spawn(
                Path::new("setpriv"),
                self.name,
                all,
                &[],
                &self.log,
            )?);
        }
        Ok(())
    }

    /// Waits until it serves.
    ///
    /// # Errors
    /// It does not come up.
    pub(super) fn await_serving(&mut self) -> Result<()> {
        let child = self.child.as_mut().context("it was not started")?;
        until("a service serves", PATIENCE, || {
            child.ensure_running()?;
            // All starts have one log.
            Ok((child.log().matches(SERVES).count() > self.served).then_some(()))
        })
        .with_context(|| self.name)?;
        Ok(())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// It had ended by itself.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.child.take().map_or(Ok(()), Child::kill)
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// It does not end, or not with 0.
    pub(super) fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        child.terminate()?;
        let status = child.wait(PATIENCE)?;
        ensure!(
            status.success(),
            "SIGTERM ended {} with {status}:\n{}",
            self.name,
            child.tail()
        );
        Ok(())
    }

    /// What it has said and never should.
    pub(super) fn complaints(&self) -> Vec<String> {
        let said = self.said();
        let grave = said
            .lines()
            .filter(|line| COMPLAINTS.iter().any(|complaint| line.contains(complaint)));
        let named = grave.map(|line| format!("{}: {line}", self.name));
        named.take(crate::oracle::FAULTS_A_CHECK).collect()
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
