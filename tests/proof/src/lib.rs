//! The proof that the job loses nothing and doubles nothing: a feed of orders with every fault real life has, a judge in
//! SQL, and a harness that kills, freezes and restarts the job and its broker.

use std::sync::OnceLock;

pub mod feed;
pub mod harness;
pub mod kafka;
pub mod kills;
pub mod oracle;
pub mod shop;

/// Waits for a future on the one runtime of this process: everything around the proof is blocking.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime needs a thread and epoll, which a process that gets this far has")
    });
    runtime.block_on(future)
}
