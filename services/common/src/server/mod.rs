//! The two ports of a service: gRPC for the others, HTTP for probes, metrics and people.

mod connections;
mod grpc;
mod health;
mod http;
mod lifecycle;

pub use connections::{ConnectionLimits, Peer};
pub use grpc::{GrpcOptions, serve_grpc};
pub use health::{Health, ServiceHealth};
pub use http::{operations, serve_http, serve_http_within};
pub use lifecycle::{Lifecycle, Stopping};

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// The ports of a service, taken.
#[derive(Debug)]
pub struct Ports {
    /// For gRPC.
    pub grpc: TcpListener,
    /// For HTTP.
    pub http: TcpListener,
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
pub async fn listen(setting: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError {
        setting,
        address,
        source,
    })
}
