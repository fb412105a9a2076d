//! A TCP proxy before a server that can be shut.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

/// Passes connections on while it is open, and breaks all that there are when it is shut. Its threads end with the
/// test process.
pub(crate) struct Gate {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    shut: AtomicBool,
    refused: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Gate {
    pub(crate) fn before(endpoint: &str) -> Self {
        let server = endpoint
            .strip_prefix("http://")
            .unwrap()
            .trim_end_matches('/')
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server, state) = (client.unwrap(), server.clone(), shared.clone());
                thread::spawn(move || pass(&client, &server, &state));
            }
        });
        Self { port, state }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn shut(&self) {
        self.state.shut.store(true, SeqCst);
    }

    pub(crate) fn open(&self) {
        self.state.shut.store(false, SeqCst);
    }

    /// Connections turned away so far.
    pub(crate) fn refused(&self) -> usize {
        self.state.refused.load(SeqCst)
    }

    /// The most connections there have been at one time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(SeqCst)
    }
}

fn pass(client: &TcpStream, server: &str, state: &State) {
    if state.shut.load(SeqCst) {
        state.refused.fetch_add(1, SeqCst);
        return;
    }
    let at_once = state.at_once.fetch_add(1, SeqCst) + 1;
    state.most_at_once.fetch_max(at_once, SeqCst);
    let server = TcpStream::connect(server).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| copy(client, &server, state));
        scope.spawn(|| copy(&server, client, state));
    });
    state.at_once.fetch_sub(1, SeqCst);
}

/// Until one side ends, or something comes after the gate was shut.
fn copy(mut from: &TcpStream, mut to: &TcpStream, state: &State) {
    let mut buffer = [0; 65536];
    while let Ok(read @ 1..) = io::Read::read(&mut from, &mut buffer) {
        if state.shut.load(SeqCst) {
            state.refused.fetch_add(1, SeqCst);
            break;
        }
        if io::Write::write_all(&mut to, &buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
