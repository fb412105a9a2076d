//! The ports of a service: gRPC for the others, HTTP for people, and one for probes and metrics.

mod connections;
mod grpc;
mod health;
mod http;
mod lifecycle;
mod ports;
mod running;

pub use connections::{ConnectionLimits, Peer};
pub use grpc::Grpc;
pub use health::{Health, ServiceHealth};
pub use http::{method_label, operations, serve_http, serve_http_within};
pub use lifecycle::{Lifecycle, Stopping};
pub use ports::{Addresses, ListenError, Ports, listen};
pub use running::{Running, ServeError, Server};
