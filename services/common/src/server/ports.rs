//! The ports of a service.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::boxed::Boxed;

/// The ports of a service, taken. One that it does not have is `None`.
#[derive(Debug, Default)]
pub struct Ports {
    /// For gRPC.
    pub grpc: Option<TcpListener>,
    /// For HTTP.
    pub http: Option<TcpListener>,
    /// For metrics and probes, where no other part of the process serves them.
    pub metrics: Option<TcpListener>,
}

impl Ports {
    /// Where they are.
    ///
    /// # Errors
    /// The system does not say.
    pub fn addresses(&self) -> std::io::Result<Addresses> {
        let of = |port: &Option<TcpListener>| port.as_ref().map(TcpListener::local_addr).transpose();
        Ok(Addresses {
            grpc: of(&self.grpc)?,
            http: of(&self.http)?,
            metrics: of(&self.metrics)?,
        })
    }
}

/// Where a service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// By gRPC.
    pub grpc: Option<SocketAddr>,
    /// By HTTP.
    pub http: Option<SocketAddr>,
    /// For metrics and probes.
    pub metrics: Option<SocketAddr>,
}

/// A port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: cannot listen on {address}: {source}")]
pub struct ListenError {
    /// Where the port is set.
    setting: &'static str,
    address: SocketAddr,
    source: std::io::Error,
}

/// Takes a port, which clients rely upon from then on; with port 0 the system chooses.
///
/// # Errors
/// It is taken, or not ours to have.
pub fn listen(
    setting: &'static str,
    address: SocketAddr,
) -> Boxed<'static, Result<TcpListener, ListenError>> {
    Box::pin(async move {
        TcpListener::bind(address).await.map_err(|source| ListenError {
            setting,
            address,
            source,
        })
    })
}
