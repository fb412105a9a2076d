//! Orders per CPU-second through the source and the accumulation, on one worker.
//!
//! ```text
//! cargo bench -p weir-dataflow [-- ORDERS]
//! ```
//!
//! The log is made up while it is read, 10,000 orders to a second of event time from 100,000 users in four
//! partitions. What making it up and the fingerprints cost is measured alone and subtracted. Times are those of the
//! thread on its processor, so a busy machine matters less.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use timely::dataflow::operators::Inspect;
use weir_dataflow::accumulate::accumulate;
use weir_dataflow::clocks::Clocks;
use weir_dataflow::fingerprint::Fingerprint;
use weir_dataflow::source::{
    Control, Decoded, DecodedOrder, Entry, Log, Setup, Start, StartPartition, source,
};
use weir_dataflow::window::Rules;

const USERS: u64 = 100_000;
const ORDERS_A_SECOND: u64 = 10_000;
const PARTITIONS: i32 = 4;
const BEGIN_MS: i64 = 1_764_000_000_000;
const RULES: Rules = Rules {
    window: 60,
    lag: 10,
    lateness: 60,
    max_ahead_ms: 60_000,
};

/// Partition `p` holds the orders `p`, `p + 4`, `p + 8`, ... up to `orders`.
struct MadeUp {
    orders: u64,
    positions: BTreeMap<i32, i64>,
}

impl MadeUp {
    fn new(orders: u64) -> Self {
        Self {
            orders,
            positions: BTreeMap::new(),
        }
    }

    fn end(&self) -> i64 {
        (self.orders / PARTITIONS as u64) as i64
    }
}

impl Log for MadeUp {
    type Error = Infallible;

    fn assign(&mut self, partition: i32, offset: i64) -> Result<(), Infallible> {
        self.positions.insert(partition, offset);
        Ok(())
    }

    fn read(
        &mut self,
        partition: i32,
        max: usize,
        mut each: impl FnMut(Entry<'_>),
    ) -> Result<bool, Infallible> {
        let end = self.end();
        let position = self.positions.entry(partition).or_default();
        let until = end.min(*position + max as i64);
        for offset in *position..until {
            let number = offset as u64 * PARTITIONS as u64 + partition as u64;
            each(Entry {
                offset,
                timestamp: Some(BEGIN_MS + (number * 1_000 / ORDERS_A_SECOND) as i64 + 5),
                key: None,
                value: Some(&number.to_le_bytes()),
            });
        }
        *position = until;
        Ok(until < end)
    }

    fn position(&self, partition: i32) -> i64 {
        self.positions.get(&partition).copied().unwrap_or(0)
    }
}

fn decode(entry: &Entry<'_>) -> Decoded {
    let Some(Ok(bytes)) = entry.value.map(<[u8; 8]>::try_from) else {
        return Decoded::Ignored;
    };
    let number = u64::from_le_bytes(bytes);
    let user = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % USERS;
    Decoded::Order(DecodedOrder {
        order: Fingerprint::of(&bytes),
        user: Fingerprint::of(&user.to_le_bytes()),
        event_ms: BEGIN_MS + (number * 1_000 / ORDERS_A_SECOND) as i64,
        cents: 1_250,
        items: 2,
    })
}

/// Nanoseconds that this thread has spent on a processor; the wall clock where the system does not tell.
fn spent(begun: Instant) -> u64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| begun.elapsed().as_nanos() as u64)
}

fn peak_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_ascii_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes / 1_024)
}

fn read_only(orders: u64) {
    let mut log = MadeUp::new(orders);
    let mut more = true;
    while more {
        for partition in 0..PARTITIONS {
            more = log
                .read(partition, 1_024, |entry| {
                    black_box(decode(black_box(&entry)));
                })
                .unwrap_or(false);
        }
    }
}

fn windows(orders: u64) -> u64 {
    let counted = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let seen = Arc::clone(&counted);
    timely::execute_directly(move |worker| {
        let log = MadeUp::new(orders);
        let (control, heard) = channel();
        let ends = (0..PARTITIONS).map(|partition| (partition, log.end())).collect();
        let _ = control.send(Control::Finish(ends));
        let at = StartPartition {
            processed: 0,
            resume: 0,
        };
        let setup = Setup {
            rules: RULES,
            start: Arc::new(Start {
                partitions: (0..PARTITIONS).map(|partition| (partition, at)).collect(),
                ..Start::default()
            }),
            clocks: Arc::new(Clocks::new(RULES)),
            control: heard,
            hold: Arc::default(),
            read_ahead: 500_000,
            in_flight: Arc::default(),
            rejected_bytes: Arc::default(),
            waker: Arc::default(),
        };
        worker.dataflow::<u64, _, _>(|scope| {
            let (orders, _facts) = source(scope, log, setup, decode, |never| match never {});
            let (_changes, counted) = accumulate(orders, RULES);
            counted.inspect(move |(_, counted)| {
                seen.fetch_add(counted.accepted, std::sync::atomic::Ordering::Relaxed);
            });
        });
    });
    counted.load(std::sync::atomic::Ordering::Relaxed)
}

fn main() {
    let orders = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(6_000_000_u64);
    let begun = Instant::now();
    let (before, started) = (spent(begun), Instant::now());
    read_only(orders);
    let alone = spent(begun) - before;
    println!(
        "making up and fingerprints  {:>6.1} ns an order",
        alone as f64 / orders as f64
    );
    let before = spent(started);
    let accepted = windows(orders);
    let whole = spent(started) - before;
    assert_eq!(
        accepted,
        orders / PARTITIONS as u64 * PARTITIONS as u64,
        "every order counts once"
    );
    println!(
        "with source and accumulate  {:>6.1} ns an order",
        whole as f64 / orders as f64
    );
    let own = whole.saturating_sub(alone) as f64 / orders as f64;
    println!(
        "source and accumulate alone {own:>6.1} ns an order, {:.1} M orders per CPU-second",
        1_000.0 / own
    );
    if let Some(peak) = peak_megabytes() {
        println!("peak memory                 {peak:>6} MB");
    }
}
