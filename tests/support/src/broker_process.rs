//! A development broker as a child process, which can be killed.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use crate::address::free_address;
use crate::child::{Child, end_with_parent};
use crate::patience::until;

/// The name under which a program of tests is the broker; see [`main`].
pub const NAME: &str = "dev-broker";

/// How long a broker may take to listen.
const START: Duration = Duration::from_secs(30);

/// A development broker with a folder of its own, on an address that stays the same over restarts.
#[derive(Debug)]
pub struct BrokerProcess {
    program: PathBuf,
    address: String,
    // Dropped before its folder.
    child: Option<Child>,
    folder: TempDir,
}

impl BrokerProcess {
    /// Starts one; `program` is a binary that calls [`main`] under the name [`NAME`].
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(program: &Path) -> Result<BrokerProcess> {
        let mut broker = BrokerProcess {
            program: program.to_owned(),
            address: free_address().to_string(),
            child: None,
            folder: tempfile::Builder::new().prefix("weir-broker-").tempdir()?,
        };
        broker.restart()?;
        Ok(broker)
    }

    /// `host:port` where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The process, unless it was killed.
    pub fn child(&self) -> Option<&Child> {
        self.child.as_ref()
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.child.take().map_or(Ok(()), Child::kill)
    }

    /// From now on none of its files may grow, as on a full disk. (The error has another number, the rest is the same.)
    ///
    /// # Errors
    /// When the process is gone.
    #[cfg(target_os = "linux")]
    pub fn fill_the_disk(&self) -> Result<()> {
        self.let_files_grow_to(Some(0))
    }

    /// There is room again.
    ///
    /// # Errors
    /// When the process is gone.
    #[cfg(target_os = "linux")]
    pub fn make_room(&self) -> Result<()> {
        self.let_files_grow_to(None)
    }

    #[cfg(target_os = "linux")]
    fn let_files_grow_to(&self, most: Option<u64>) -> Result<()> {
        use anyhow::Context;
        use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
        let child = self.child.as_ref().context("the broker does not run")?;
        let id = Pid::from_raw(child.id().cast_signed()).context("a process has a number")?;
        // What a child may have at most it has from its parent.
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit {
            current: most.or(maximum),
            maximum,
        };
        prlimit(Some(id), Resource::Fsize, limit).context("the limit of the broker's files")?;
        Ok(())
    }

    /// Starts it again on the same folder and address, unless it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let data = self.folder.path().join("data");
        let log = self.folder.path().join("broker.log");
        let arguments = [
            "--listen".as_ref(),
            self.address.as_ref(),
            "--data-dir".as_ref(),
            data.as_os_str(),
        ];
        let mut child = Child::spawn(&self.program, NAME, arguments, &[], &log)?;
        until("broker listens", START, || {
            child.ensure_running()?;
            Ok(TcpStream::connect(&self.address).ok())
        })?;
        self.child = Some(child);
        Ok(())
    }
}

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    data_dir: PathBuf,
}

/// The child's side: a development broker that ends with its parent.
///
/// # Errors
/// When the broker cannot be started.
pub fn main() -> Result<()> {
    end_with_parent();
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // A file that may not grow is an error then, and not the end of the process.
        let _heard = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?;
        let config = weir_broker::Config {
            listen: arguments.listen,
            data_dir: arguments.data_dir,
            ..weir_broker::Config::default()
        };
        let _broker = weir_broker::start(config).await?;
        std::future::pending().await
    })
}
