//! The development broker as a process.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{BROKER, Process, until};

/// A development broker with a folder of its own, on a port that stays the same over restarts.
pub struct Broker {
    proof: PathBuf,
    address: String,
    folder: TempDir,
    process: Option<Process>,
}

/// How long a broker may take to listen.
const START: Duration = Duration::from_secs(30);

impl Broker {
    /// Starts a broker; `proof` is this crate's binary.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(proof: &Path) -> Result<Broker> {
        // The port is free again when the listener goes out of scope; the broker must find the same one after a restart.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let folder = tempfile::Builder::new().prefix("proof-broker-").tempdir()?;
        let mut broker = Broker {
            proof: proof.to_owned(),
            address,
            folder,
            process: None,
        };
        broker.restart()?;
        Ok(broker)
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), Process::kill)
    }

    /// Starts it again on the same folder and port, unless it runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        let data = self.folder.path().join("data");
        let log = self.folder.path().join("broker.log");
        let arguments = [
            "--listen",
            &self.address,
            "--data-dir",
            data.to_str().context("folder is not UTF-8")?,
        ];
        let mut process = Process::spawn("broker", (&self.proof, BROKER), arguments, &[], &log)?;
        until("broker listens", START, || {
            let ended = process.ended()?;
            ensure!(
                ended.is_none(),
                "broker ended with {ended:?}:\n{}",
                process.tail()
            );
            Ok(TcpStream::connect(&self.address).ok())
        })?;
        self.process = Some(process);
        Ok(())
    }
}
