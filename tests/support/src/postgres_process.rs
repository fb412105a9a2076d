//! A PostgreSQL of one's own as a child process, which can be killed.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::address::free_address;
use crate::child::Child;
use crate::patience::until;

/// How long the folder may take to be made, or until the server serves: after a kill it reads its log first.
const START: Duration = Duration::from_secs(120);
/// What the server says once it serves.
const SERVES: &str = "database system is ready to accept connections";
/// What it says once it serves as a replica.
const READS: &str = "database system is ready to accept read-only connections";
/// What it says once it takes in nothing more.
const FOLLOWS_NO_MORE: &str = "terminating walreceiver process due to administrator command";
/// All that is needed of it. Some systems put a part of these where their commands are.
const PROGRAMS: [&str; 4] = ["initdb", "pg_basebackup", "pg_ctl", "postgres"];
/// Debian keeps the server's programs outside the path.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Who runs it where the tests run as root, which the server refuses to.
const USER: &str = "postgres";

/// The folder of PostgreSQL's programs, or `None` when the test is to be skipped.
///
/// # Panics
/// When there is none and `WEIR_TEST_NO_SKIP` is `1`: then nothing may be skipped.
#[track_caller]
pub fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    places.extend(versions.map(|version| version.path().join("bin")));
    let found = places
        .into_iter()
        .find(|place| PROGRAMS.iter().all(|program| place.join(program).is_file()));
    if found.is_none() {
        let may_skip = std::env::var("WEIR_TEST_NO_SKIP").as_deref() != Ok("1");
        assert!(
            may_skip,
            "PostgreSQL is not installed, and nothing may be skipped"
        );
        eprintln!("skipped: install PostgreSQL (Debian: apt-get install postgresql)");
    }
    found
}

/// One server with a folder of its own, on an address that stays the same over restarts. Commits are written to the disk.
#[derive(Debug)]
pub struct PostgresProcess {
    programs: PathBuf,
    port: u16,
    /// How often it has come to serve.
    served: usize,
    /// What it says then.
    serves: &'static str,
    // Dropped before its folder.
    child: Option<Child>,
    folder: TempDir,
}

impl PostgresProcess {
    /// Makes a folder and starts a server on it, with the `setpriv` (Linux) of the path. It ends with the thread that calls
    /// this.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(programs: &Path) -> Result<PostgresProcess> {
        let mut postgres = PostgresProcess::in_folder(programs)?;
        let flags = "--username weir --auth trust --encoding UTF8 --locale C --no-sync --pgdata";
        postgres.fill("initdb", flags)?;
        postgres.restart()?;
        Ok(postgres)
    }

    /// Copies this server and starts a replica of it, which takes in its log as it is written and can only be read.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn replica(&self) -> Result<PostgresProcess> {
        let mut replica = PostgresProcess::in_folder(&self.programs)?;
        let flags = format!(
            "--username weir --host 127.0.0.1 --port {} --wal-method stream --checkpoint fast --write-recovery-conf --no-sync \
             --pgdata",
            self.port
        );
        replica.fill("pg_basebackup", &flags)?;
        replica.serves = READS;
        replica.restart()?;
        Ok(replica)
    }

    /// Has a replica take in nothing more: what its source writes from now on is lost with that.
    ///
    /// # Errors
    /// When it is none, or does not stop.
    pub fn stop_following(&self) -> Result<()> {
        let settings = self.folder.path().join("data").join("postgresql.auto.conf");
        let mut settings = OpenOptions::new().append(true).open(settings)?;
        settings.write_all(b"primary_conninfo = ''\n")?;
        self.fill("pg_ctl", "reload --pgdata")?;
        let child = self.child.as_ref().context("it does not run")?;
        until("the replica stands still", START, || {
            Ok(child.log().contains(FOLLOWS_NO_MORE).then_some(()))
        })
    }

    /// Makes a replica a server of its own.
    ///
    /// # Errors
    /// When it is none, or does not become one.
    pub fn promote(&mut self) -> Result<()> {
        self.fill("pg_ctl", "promote --wait --pgdata")?;
        // What is awaited at the next start.
        self.serves = SERVES;
        Ok(())
    }

    /// An empty folder, and a port.
    fn in_folder(programs: &Path) -> Result<PostgresProcess> {
        let folder = tempfile::Builder::new().prefix("weir-postgres-").tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700))?;
        if geteuid().is_root() {
            let given = Command::new("chown").arg(USER).arg(&data).status()?;
            ensure!(given.success(), "{} cannot be given to {USER}", data.display());
        }
        Ok(PostgresProcess {
            programs: programs.to_owned(),
            port: free_address().port(),
            served: 0,
            serves: SERVES,
            child: None,
            folder,
        })
    }

    /// Has a program do something to the folder, and waits until it has ended.
    fn fill(&self, program: &str, flags: &str) -> Result<()> {
        let mut made = self.spawn(program, flags, &[])?;
        let status = made.wait(START)?;
        ensure!(
            status.success(),
            "{program} ended with {status}:\n{}",
            made.tail()
        );
        Ok(())
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://weir@127.0.0.1:{}/postgres", self.port)
    }

    /// SIGKILL to the server; its own children end when they notice.
    ///
    /// # Errors
    /// When it had ended by itself, or cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.child.take().map_or(Ok(()), Child::kill)
    }

    /// Starts it again on the same folder and address, unless it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let port = self.port.to_string();
        let settings = ["-h", "127.0.0.1", "-p", &port, "-k", ""];
        let mut child = self.spawn(
            "postgres",
            "-c max_connections=200 -c shared_buffers=32MB -D",
            &settings,
        )?;
        until("PostgreSQL serves", START, || {
            if child.ended()?.is_some() {
                // Children of the one that was killed still hold its memory.
                child = self.spawn(
                    "postgres",
                    "-c max_connections=200 -c shared_buffers=32MB -D",
                    &settings,
                )?;
            }
            // All starts have one log.
            Ok((child.log().matches(self.serves).count() > self.served).then_some(()))
        })
        .with_context(|| child.tail())?;
        self.served += 1;
        self.child = Some(child);
        Ok(())
    }

    /// A program of PostgreSQL's on the folder, whose name stands behind `flags`.
    fn spawn(&self, program: &str, flags: &str, more: &[&str]) -> Result<Child> {
        let mut all: Vec<String> = ["--pdeathsig", "KILL"].map(str::to_owned).into();
        if geteuid().is_root() {
            all.extend([format!("--reuid={USER}"), format!("--regid={USER}")]);
            all.push("--clear-groups".to_owned());
        }
        all.push(self.programs.join(program).display().to_string());
        all.extend(flags.split(' ').map(str::to_owned));
        all.push(self.folder.path().join("data").display().to_string());
        all.extend(more.iter().map(|argument| (*argument).to_owned()));
        let log = self.folder.path().join("postgres.log");
        Child::spawn(Path::new("setpriv"), "setpriv", all, &[], &log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_its_folder_and_its_address_over_a_kill() {
        let Some(programs) = programs() else { return };
        let mut postgres = PostgresProcess::start(&programs).expect("it starts");
        let url = postgres.url();
        postgres.kill().expect("it runs");
        postgres.restart().expect("it starts again");
        assert_eq!(postgres.url(), url);
    }
}
