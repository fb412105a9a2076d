//! The brokers that the tests run against.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use weir_broker::{Broker, Config};

/// Runs the test once for each server there is: the development broker, and Apache Kafka if the environment names one.
pub(crate) fn on_each_server(test: impl Fn(&str)) {
    test(&shared());
    match std::env::var("WEIR_TEST_KAFKA") {
        Ok(address) => {
            eprintln!("on Apache Kafka");
            test(&address);
        }
        Err(_) if std::env::var("WEIR_TEST_NO_SKIP").is_ok_and(|value| value == "1") => {
            panic!("WEIR_TEST_KAFKA is not set, and nothing may be skipped")
        }
        Err(_) => eprintln!("skipped: set WEIR_TEST_KAFKA to host:port of an Apache Kafka"),
    }
}

/// The development broker that tests share which do it no harm.
pub(crate) fn shared() -> String {
    static SHARED: LazyLock<DevBroker> = LazyLock::new(DevBroker::start);
    SHARED.address().to_string()
}

/// A development broker of its own, which a test may kill and start again at the same address.
pub(crate) struct DevBroker {
    address: SocketAddr,
    folder: TempDir,
    running: Option<(Runtime, Broker)>,
}

impl DevBroker {
    pub(crate) fn start() -> Self {
        let mut broker = Self::at(SocketAddr::from(([127, 0, 0, 1], 0)));
        broker.start_again();
        broker
    }

    /// Not started yet.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            folder: tempfile::tempdir().unwrap(),
            running: None,
        }
    }

    pub(crate) fn start_again(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let config = || Config {
            listen: self.address,
            data_dir: self.folder.path().to_path_buf(),
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
    pub(crate) fn kill(&mut self) {
        if let Some((runtime, broker)) = self.running.take() {
            drop(broker);
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for DevBroker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An address at which nobody listens.
pub(crate) fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Tries until the answer comes; panics with what was seen after a minute.
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(seen) if Instant::now() >= deadline => panic!("{what}: {seen}"),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
