//! Addresses that nobody listens at, to be used a moment later.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that systems hand out by themselves (Linux: from 32,768; macOS and the IANA: from 49,152).
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// An address of this machine at which nobody listens.
///
/// The port is not one that the system gives to outgoing connections: while a killed server is away, none of those takes
/// its place, and a client that knocks at the empty port is not by chance connected to itself.
///
/// # Panics
/// When every port is taken.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // Processes of tests that run side by side begin at different places.
    let first = (std::process::id().wrapping_mul(97) % u32::from(count)) as u16;
    (0..count)
        .map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed) % count;
            let port = PORTS.start + ((u32::from(first) + u32::from(step)) % u32::from(count)) as u16;
            SocketAddr::from((Ipv4Addr::LOCALHOST, port))
        })
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("one of twenty thousand ports is free")
}
