//! How many orders a CPU-second reads and writes: `cargo bench -p weir-proto --bench read`.
//!
//! The orders are those of a shop: UUIDs for the order, two or three items, about 305 bytes each. A million of them
//! (300 MB, beyond any cache) are read in turn, five times; the median is told, with the least and the most.

use std::hint::black_box;

use weir_proto::order::{self, Event, OrderWriter};
use weir_proto::{Money, Timestamp};

const ORDERS: usize = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    let own = orders(|_| {});
    let spaced = orders(|value| {
        // One blank is enough to lose the fast path.
        value.insert(1, b' ');
    });
    let bytes: usize = own.iter().map(Vec::len).sum();
    println!("{ORDERS} orders, {} bytes each on average", bytes / ORDERS);
    measure("read, own layout", || read_all(&own));
    measure("read, any layout", || read_all(&spaced));
    measure("write", || {
        let mut buffer = Vec::with_capacity(512);
        (0..ORDERS)
            .map(|index| {
                buffer.clear();
                write(index, &mut buffer);
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

fn orders(change: impl Fn(&mut Vec<u8>)) -> Vec<Vec<u8>> {
    (0..ORDERS)
        .map(|index| {
            let mut value = Vec::new();
            write(index, &mut value);
            change(&mut value);
            value.shrink_to_fit();
            value
        })
        .collect()
}

/// Appends the order number `index`.
fn write(index: usize, out: &mut Vec<u8>) {
    const ORDER_IDS: [&str; 4] = [
        "01935a2b-7c1e-7d43-9f10-8a2b3c4d5e6f",
        "01935a2b-7c20-7a11-8b1d-0f9e8d7c6b5a",
        "01935a2b-7c2f-7e77-a0c3-1122334455aa",
        "01935a2b-7c31-7b29-b7f4-99aabbccddee",
    ];
    const USERS: [&str; 3] = ["u-17", "u-90412", "u-100000"];
    const PRODUCTS: [&str; 3] = ["kb-1", "m-2", "hs-3"];
    let price = |cents: usize| Money::from_minor(cents as i64).unwrap_or_default();
    let items = 2 + usize::from(index.is_multiple_of(8));
    let mut writer = OrderWriter::new(
        out,
        ORDER_IDS[index % 4],
        USERS[index % 3],
        "USD",
        price(1000 + index % 1_000_000),
    );
    for item in 0..items {
        writer.item(
            PRODUCTS[(index + item) % 3],
            1 + (index % 4) as i64,
            price(500 + index % 9000),
        );
    }
    writer.finish(Timestamp::from_millis(1_763_865_360_000 + index as i64).unwrap_or_default());
}
