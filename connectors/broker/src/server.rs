//! Starts a broker, accepts connections, stops it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::connection;
use crate::locked::now_ms;
use crate::maintenance;
use crate::node::Node;

/// A stopping broker waits that long for its connections.
const LAST_REQUESTS: Duration = Duration::from_secs(5);
/// And that long for what their requests have begun on the disk.
const LAST_DISK_WORK: Duration = Duration::from_secs(30);
/// After a connection could not be accepted, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address is taken, or is not of this machine.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The folder cannot be made or used.
    #[error("cannot use data folder {}: {source}", path.display())]
    Folder {
        /// The folder asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another broker uses the folder.
    #[error("data folder {} is in use by another broker", path.display())]
    InUse {
        /// The folder asked for.
        path: PathBuf,
    },
}

/// A running broker. Dropping it ends it at once, as if the process had died; [`Broker::stop`] is gentler.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    node: Arc<Node>,
    tasks: JoinSet<()>,
}

/// Starts a broker on the tokio runtime that this is called from.
///
/// # Errors
/// The folder cannot be used or is used by another broker, or the address cannot be listened on.
pub fn start(config: Config) -> Pin<Box<dyn Future<Output = Result<Broker, BrokerError>> + Send>> {
    Box::pin(async move {
        let path = config.data_dir.clone();
        let folder = |source| BrokerError::Folder {
            path: path.clone(),
            source,
        };
        let config = Arc::new(config);
        let opened = {
            let config = Arc::clone(&config);
            tokio::task::spawn_blocking(move || open(config)).await
        };
        let node = Arc::new(opened.map_err(|error| folder(io::Error::other(error)))??);

        let address = config.listen;
        let listen = |source| BrokerError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(Arc::clone(&node), listener));
        tasks.spawn(maintenance::run(Arc::clone(&node)));
        tracing::info!(%address, data_dir = %path.display(), "broker is listening");
        Ok(Broker { address, node, tasks })
    })
}

/// Takes the folder and reads what is in it.
fn open(config: Arc<Config>) -> Result<Node, BrokerError> {
    let path = config.data_dir.clone();
    let folder = |source| BrokerError::Folder {
        path: path.clone(),
        source,
    };
    fs::create_dir_all(&path).map_err(folder)?;
    let lock = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("lock"))
        .map_err(folder)?;
    match fs4::fs_std::FileExt::try_lock_exclusive(&lock) {
        Ok(true) => {}
        Ok(false) => return Err(BrokerError::InUse { path }),
        Err(source) => return Err(folder(source)),
    }
    let node = Node::new(config, lock).map_err(folder)?;
    // What was decided before the last end is finished before anybody can ask.
    node.transactions.tend(now_ms());
    Ok(node)
}

async fn accept(node: Arc<Node>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(node.config.max_connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = node.stopping.cancelled() => break,
        };
        // Those that have ended.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    tracing::warn!(%peer, most = node.config.max_connections, "connection refused: too many");
                    continue;
                };
                let node = Arc::clone(&node);
                connections.spawn(async move {
                    let _place = place;
                    connection::serve(node, stream, peer).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_REQUESTS, all).await;
    connections.shutdown().await;
}

impl Broker {
    /// The address that clients connect to; with the port that was taken if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the requests in hand, closes all connections, and writes what makes the next start fast.
    pub fn stop(mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            self.node.stopping.cancel();
            self.node.groups.close();
            while self.tasks.join_next().await.is_some() {}
            self.node.close(LAST_DISK_WORK).await;
            tracing::info!(address = %self.address, "broker has stopped");
        })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.node.stopping.cancel();
    }
}
