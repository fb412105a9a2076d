//! A proxy between client and broker that loses what a test wants lost.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

/// The request that ends a transaction, by its number in the protocol.
const END_TXN: i16 = 26;

/// What the proxy does with a request that ends a transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum EndTxn {
    Pass,
    /// It reaches the broker; the answer is lost, with all that follows on the connection.
    LoseTheAnswer,
    /// It never reaches the broker.
    LoseTheRequest,
    /// The proxy answers that it failed, and loses what comes next.
    Fail,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    mode: Arc<AtomicU8>,
    target: Arc<Mutex<Option<SocketAddr>>>,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mode = Arc::new(AtomicU8::new(EndTxn::Pass as u8));
        let target = Arc::new(Mutex::new(None));
        let (for_all, to) = (Arc::clone(&mode), Arc::clone(&target));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let target: Option<SocketAddr> = *to.lock().unwrap();
                let Some(broker) = target.and_then(|target| TcpStream::connect(target).ok()) else {
                    continue;
                };
                let (mode, mute) = (Arc::clone(&for_all), Arc::new(AtomicBool::new(false)));
                let muted = Arc::clone(&mute);
                let (answers_from, answers_to) = (broker.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || requests(client, broker, &mode, &mute));
                std::thread::spawn(move || answers(answers_from, answers_to, &muted));
            }
        });
        Self {
            address,
            mode,
            target,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn forward_to(&self, broker: SocketAddr) {
        *self.target.lock().unwrap() = Some(broker);
    }

    pub(crate) fn end_txn(&self, mode: EndTxn) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }
}

/// Passes requests on, one by one. `None` when a side is gone.
fn requests(mut client: TcpStream, mut broker: TcpStream, mode: &AtomicU8, mute: &AtomicBool) -> Option<()> {
    loop {
        let mut length = [0; 4];
        client.read_exact(&mut length).ok().or_else(|| close(&broker))?;
        let mut request = vec![0; usize::try_from(i32::from_be_bytes(length)).ok()?];
        client.read_exact(&mut request).ok().or_else(|| close(&broker))?;
        if i16::from_be_bytes([request[0], request[1]]) == END_TXN {
            let now = mode.load(Ordering::SeqCst);
            if now == EndTxn::LoseTheRequest as u8 {
                continue;
            }
            if now == EndTxn::Fail as u8 {
                mode.store(EndTxn::LoseTheRequest as u8, Ordering::SeqCst);
                client.write_all(&failure(&request)).ok()?;
                continue;
            }
            mute.fetch_or(now == EndTxn::LoseTheAnswer as u8, Ordering::SeqCst);
        }
        broker.write_all(&length).ok()?;
        broker.write_all(&request).ok()?;
    }
}

/// The answer to a request that ends a transaction: an unexpected error of the server.
fn failure(request: &[u8]) -> Vec<u8> {
    let mut answer = 10_i32.to_be_bytes().to_vec();
    // The number of the request, no throttling, the error.
    answer.extend_from_slice(&request[4..8]);
    answer.extend_from_slice(&0_i32.to_be_bytes());
    answer.extend_from_slice(&(-1_i16).to_be_bytes());
    answer
}

/// Passes answers back until the connection is muted.
fn answers(mut broker: TcpStream, mut client: TcpStream, muted: &AtomicBool) -> Option<()> {
    let mut buffer = [0; 65536];
    loop {
        let read = match broker.read(&mut buffer) {
            Ok(0) | Err(_) => return close(&client),
            Ok(read) => read,
        };
        if !muted.load(Ordering::SeqCst) {
            client.write_all(&buffer[..read]).ok()?;
        }
    }
}

fn close(stream: &TcpStream) -> Option<()> {
    let _ = stream.shutdown(Shutdown::Both);
    None
}
