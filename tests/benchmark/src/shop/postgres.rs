//! PostgreSQL: a server of our own, or one that runs already.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use test_support::address::free_address;
use test_support::child::Child;
use test_support::patience::until;

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);

/// A server.
pub(crate) struct Postgres {
    /// Of a database on it, whose user may make others.
    pub(crate) url: String,
    own: Option<Own>,
}

struct Own {
    child: Child,
    _folder: TempDir,
}

impl Postgres {
    /// Starts one in a temporary folder, or takes the one that is named.
    pub(crate) fn start(url: Option<&str>) -> Result<Postgres> {
        if let Some(url) = url {
            return Ok(Postgres {
                url: url.to_owned(),
                own: None,
            });
        }
        let folder = tempfile::Builder::new().prefix("weir-postgres-").tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let is_root = is_root();
        if is_root {
            // The server refuses to run as root.
            std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            succeed(Command::new("chown").arg("postgres").arg(&data))?;
        }
        succeed(
            as_postgres(is_root, &program("initdb")?)
                .arg("--pgdata")
                .arg(&data)
                .args("--username weir --auth trust --encoding UTF8 --locale C".split(' ')),
        )?;
        let address = free_address();
        let mut server = as_postgres(is_root, &program("postgres")?);
        server.arg("-D").arg(&data);
        server.args(["-h", "127.0.0.1", "-k", "", "-p", &address.port().to_string()]);
        server.args(["-c", "synchronous_commit=on", "-c", "max_connections=200"]);
        let log = folder.path().join("postgres.log");
        let mut child = Child::spawn(
            Path::new(server.get_program()),
            "postgres",
            server.get_args(),
            &[],
            &log,
        )?;
        let port = address.port().to_string();
        let ready = program("pg_isready")?;
        until("PostgreSQL serves", START, || {
            child.ensure_running()?;
            let asked = Command::new(&ready)
                .args(["--quiet", "--host", "127.0.0.1", "--port", &port])
                .status()?;
            Ok(asked.success().then_some(()))
        })?;
        Ok(Postgres {
            url: format!("postgres://weir@{address}/postgres"),
            own: Some(Own {
                child,
                _folder: folder,
            }),
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(own) = &mut self.own {
            // Killed, it would leave its children for a moment.
            let _ = own.child.terminate();
            let _ = own.child.wait(Duration::from_secs(5));
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn as_postgres(is_root: bool, program: &Path) -> Command {
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    command.arg(program);
    command
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}

/// A program of PostgreSQL: in the path, or where Debian keeps those of the server.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.exists());
    let of_debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut files: Vec<PathBuf> = versions
            .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
            .filter(|file| file.exists())
            .collect();
        files.sort();
        files.pop()
    };
    let found = match name {
        // What lies in the path is Debian's wrapper, which looks for clusters of its own.
        "pgbench" | "pg_isready" => of_debian().or(in_path),
        _ => in_path.or_else(of_debian),
    };
    found.with_context(|| format!("PostgreSQL's {name} is missing (Debian: apt-get install postgresql)"))
}
