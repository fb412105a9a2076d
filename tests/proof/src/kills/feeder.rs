//! The stream that flows while the job is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::feed::{Feed, Receipts, Writer};

/// Event time that passes between two writes, milliseconds.
const SLICE_MS: i64 = 4_000;
/// Wall time between two writes: event time runs some hundred times as fast as the clock.
const PACE: Duration = Duration::from_millis(20);

/// Writes the stream until it is stopped.
pub(super) struct Feeder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Receipts>>,
}

impl Feeder {
    pub(super) fn start(mut writer: Writer, mut feed: Feed) -> Feeder {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                writer.write(&feed.next(SLICE_MS))?;
                std::thread::sleep(PACE);
            }
            Ok(writer.take_acknowledged())
        });
        Feeder { stop, thread }
    }

    /// Records acknowledged in all.
    pub(super) fn stop(self) -> Result<Receipts> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the feeder panicked"))?
    }
}
