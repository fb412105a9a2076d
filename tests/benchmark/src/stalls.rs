//! What the machine itself does to a thread: how much longer than asked one sleeps that does nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(1);

/// Watches on a thread of its own until dropped. On a quiet machine the longest stall is about a millisecond; latencies
/// measured beside a longer one say more of the machine than of what is measured.
#[derive(Debug)]
pub(crate) struct Stalls {
    longest_us: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Stalls {
    /// Begins to watch.
    pub(crate) fn watch() -> Self {
        let stalls = Self {
            longest_us: Arc::default(),
            stop: Arc::default(),
        };
        let (longest, stop) = (Arc::clone(&stalls.longest_us), Arc::clone(&stalls.stop));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let begun = Instant::now();
                std::thread::sleep(NAP);
                let over = begun.elapsed().saturating_sub(NAP).as_micros();
                longest.fetch_max(u64::try_from(over).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        stalls
    }

    /// The longest so far.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_us.load(Ordering::Relaxed))
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
