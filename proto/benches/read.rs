//! How many orders a CPU-second reads and writes: `cargo bench -p weir-proto --bench read`.
//!
//! The orders are those of a shop: UUIDs for the order, two or three items, about 330 bytes each. Ids, users, amounts and
//! counts are drawn anew for each, so that no branch can be learnt from the last. 300,000 of them (100 MB, beyond any cache)
//! are read in turn, five times; the median is told, with the least and the most.

use std::hint::black_box;

use weir_proto::order::{self, Event};
use weir_proto::{Item, Money, Order, Timestamp};

const ORDERS: usize = 300_000;
const ROUNDS: usize = 5;

fn main() {
    let own = orders(|value| value);
    let spaced = orders(|value| {
        let text = String::from_utf8(value).unwrap_or_default();
        let wide = text.replace("\":", "\": ").replace(",\"", ", \"");
        wide.replace(",{", ", {").into_bytes()
    });
    let other = orders(|mut value| {
        // One blank at such a place is enough to lose the fast path.
        value.insert(1, b' ');
        value
    });
    let bytes: usize = own.iter().map(Vec::len).sum();
    println!("{ORDERS} orders, {} bytes each on average", bytes / ORDERS);
    measure("read, own layout", || read_all(&own));
    measure("read, spaced", || read_all(&spaced));
    measure("read, any layout", || read_all(&other));
    let drawn: Vec<Order> = (0..ORDERS).map(order).collect();
    measure("write", || {
        let mut buffer = Vec::with_capacity(512);
        drawn
            .iter()
            .map(|order| {
                buffer.clear();
                order.write_to(&mut buffer);
                black_box(&buffer).len()
            })
            .sum()
    });
}

fn read_all(orders: &[Vec<u8>]) -> usize {
    orders
        .iter()
        .filter(|value| matches!(black_box(order::read(value)), Ok(Event::Created(_))))
        .count()
}

/// Runs `work` over all orders several times and prints the speed.
fn measure(name: &str, work: impl Fn() -> usize) {
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = cpu_seconds();
            assert!(black_box(work()) >= ORDERS, "an order was not read");
            cpu_seconds() - start
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let millions = |seconds: f64| ORDERS as f64 / seconds / 1e6;
    println!(
        "{name:18} {:6.2} M per CPU-second (least {:.2}, most {:.2})",
        millions(seconds[ROUNDS / 2]),
        millions(seconds[ROUNDS - 1]),
        millions(seconds[0]),
    );
}

/// CPU time of this thread: the machine may be busy with something else.
fn cpu_seconds() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with /proc");
    let nanoseconds = schedstat
        .split(' ')
        .next()
        .and_then(|number| number.parse::<u64>().ok());
    nanoseconds.expect("the first number is the time on the CPU") as f64 / 1e9
}

fn orders(change: impl Fn(Vec<u8>) -> Vec<u8>) -> Vec<Vec<u8>> {
    (0..ORDERS)
        .map(|index| {
            let mut value = change(order(index).to_json());
            value.shrink_to_fit();
            value
        })
        .collect()
}

/// The numbers of one order: the same for the same order, and nothing like those of the next (SplitMix64).
struct Mixer(u64);

impl Mixer {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % end
    }

    fn price(&mut self, least: u64, end: u64) -> Money {
        Money::from_minor((least + self.below(end)) as i64).unwrap_or_default()
    }
}

/// The order number `index`.
fn order(index: usize) -> Order {
    let mut mixer = Mixer((index as u64) << 32);
    let order_id = format!(
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
        mixer.below(1 << 32),
        mixer.below(1 << 16),
        mixer.below(1 << 12),
        mixer.below(1 << 16),
        mixer.below(1 << 48),
    );
    let items = (0..2 + mixer.below(2))
        .map(|_| Item {
            product_id: format!("p-{}", mixer.below(2000)),
            quantity: 1 + mixer.below(4) as i64,
            unit_price: mixer.price(100, 20_000),
        })
        .collect();
    Order::new(
        order_id,
        format!("u-{}", mixer.below(100_000)),
        "USD".to_owned(),
        mixer.price(500, 100_000),
        items,
        Timestamp::from_millis(1_763_865_360_000 + mixer.below(3_600_000) as i64).unwrap_or_default(),
    )
    .expect("a sound order")
}
