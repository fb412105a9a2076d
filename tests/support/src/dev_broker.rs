//! A development broker inside the test's own process.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_broker::{Broker, Config};

use crate::address::free_address;
use crate::patience::eventually;

/// A development broker of one's own, which a test may kill and start again at the same address.
///
/// Its methods panic when the broker cannot be started.
pub struct DevBroker {
    address: SocketAddr,
    advertised: Option<SocketAddr>,
    folder: TempDir,
    running: Option<(Runtime, Broker)>,
}

impl DevBroker {
    /// One that runs, on a free port.
    pub fn start() -> Self {
        let mut broker = Self::at(free_address());
        broker.start_again();
        broker
    }

    /// One that runs and that clients are told to reach at another address.
    pub fn advertising(advertised: SocketAddr) -> Self {
        let mut broker = Self::at(free_address());
        broker.advertised = Some(advertised);
        broker.start_again();
        broker
    }

    /// One that is not started yet.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            advertised: None,
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            running: None,
        }
    }

    /// Starts it on its folder, and where it was before.
    pub fn start_again(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let config = || Config {
            listen: self.address,
            data_dir: self.folder.path().to_path_buf(),
            advertised: self
                .advertised
                .map(|address| (address.ip().to_string(), address.port())),
            group_initial_rebalance_delay: Duration::ZERO,
            ..Config::default()
        };
        // The one before may still be letting go of its port and folder.
        let broker = eventually("start of the broker", || {
            runtime
                .block_on(weir_broker::start(config()))
                .map_err(|error| error.to_string())
        });
        self.address = broker.address();
        self.running = Some((runtime, broker));
    }

    /// Stops it without a farewell: connections break, nothing is finished.
    pub fn kill(&mut self) {
        if let Some((runtime, broker)) = self.running.take() {
            drop(broker);
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for DevBroker {
    fn drop(&mut self) {
        self.kill();
    }
}
