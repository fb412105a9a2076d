//! The shop: a thread that publishes invented orders, first those of the past, then each at its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::clock::now_ms;
use crate::generator::{Generator, Kind, Recipe};
use crate::producer::{Handed, Outgoing, Producer};

/// Orders due within this time are published together, so that a high rate does not sleep for each.
const BATCH_MS: i64 = 5;
/// The longest sleep, so that a stop is seen.
const NAP_MS: i64 = 50;
/// Once it was on time, a shop further behind than this was asleep with its machine: it goes on from now.
const ASLEEP_MS: i64 = 5_000;

/// The running shop.
pub(crate) struct Shop {
    stop: Arc<AtomicBool>,
    live: Arc<AtomicBool>,
    /// Gives how many of its records are no valid order.
    thread: JoinHandle<Result<u64>>,
}

impl Shop {
    /// Opens the shop: publishes what it would have published since `from_ms` (UTC milliseconds), then goes on live.
    pub(crate) fn open(from_ms: i64, recipe: Recipe, producer: Producer) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let live = Arc::new(AtomicBool::new(false));
        let (stopped, caught_up) = (Arc::clone(&stop), Arc::clone(&live));
        let thread = std::thread::Builder::new()
            .name("shop".into())
            .spawn(move || publish(from_ms, recipe, producer, &stopped, &caught_up))
            .context("cannot start the thread that publishes orders")?;
        Ok(Self { stop, live, thread })
    }

    /// Whether the past, up to the opening, is filled in and stored; a rate that the machine cannot reach puts off no end.
    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether it has ended by itself, which only an error makes it do.
    pub(crate) fn has_failed(&self) -> bool {
        self.thread.is_finished()
    }

    /// Closes the shop and waits until everything published is stored. Returns how many of the records are no valid order.
    ///
    /// # Errors
    /// Orders that the broker did not take.
    pub(crate) fn close(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| anyhow!("the thread that publishes orders panicked"))?
    }
}

fn publish(
    from_ms: i64,
    recipe: Recipe,
    producer: Producer,
    stop: &AtomicBool,
    live: &AtomicBool,
) -> Result<u64> {
    if recipe.rate == 0.0 {
        live.store(true, Ordering::Relaxed);
        while !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(NAP_MS.unsigned_abs()));
        }
        return Ok(0);
    }
    let opened_ms = now_ms();
    let mut is_on_time = false;
    let mut bad = 0;
    let mut events = Generator::starting_at(from_ms, recipe.clone());
    'open: while let Some(event) = events.next() {
        if event.at_ms >= opened_ms && !live.load(Ordering::Relaxed) {
            producer.settle()?;
            live.store(true, Ordering::Relaxed);
        }
        loop {
            let wait_ms = event.at_ms - now_ms();
            is_on_time |= wait_ms > 0;
            if stop.load(Ordering::Relaxed) {
                break 'open;
            }
            if wait_ms <= 0 {
                if wait_ms < -ASLEEP_MS && is_on_time {
                    events = Generator::starting_at(now_ms(), recipe.clone());
                    continue 'open;
                }
                break;
            }
            std::thread::sleep(Duration::from_millis(
                wait_ms.clamp(BATCH_MS, NAP_MS).unsigned_abs(),
            ));
        }
        let record = Outgoing {
            timestamp_ms: event.at_ms,
            partition: event.partition,
            key: event.key.as_deref(),
            value: event.value.as_deref(),
        };
        match producer.send(record, stop)? {
            Handed::Over => bad += u64::from(event.kind == Kind::Bad),
            Handed::Back => break,
        }
    }
    producer.settle()?;
    Ok(bad)
}
