//! The orders that everything is measured with: 305 bytes on average, 100,000 users, ids like UUIDs.

use weir_proto::order::OrderWriter;
use weir_proto::{Money, Timestamp};

/// Partitions of the orders topic.
pub(crate) const PARTITIONS: i32 = 4;
const USERS: u64 = 100_000;
const PRODUCTS: [&str; 3] = ["kb-1", "m-2", "hs-3"];

/// A stream of orders, numbered from 0: each is the same whenever it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders {
    /// When order 0 is due, milliseconds since 1970.
    pub(crate) first_ms: i64,
    /// How many are due in a second of event time.
    pub(crate) per_second: u64,
    /// An order's event time lies up to this long before the moment it is due.
    pub(crate) disorder_ms: u64,
}

/// An order ready to be produced, and the buffers it lies in, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// Event time.
    pub(crate) created_ms: i64,
    /// The record's own timestamp: never before the event.
    pub(crate) due_ms: i64,
    pub(crate) partition: i32,
}

impl Orders {
    /// When an order is due, milliseconds since 1970.
    pub(crate) fn due_ms(&self, index: u64) -> i64 {
        self.first_ms + (index * 1_000 / self.per_second).cast_signed()
    }

    /// How many orders are due at `now_ms`.
    pub(crate) fn due_at(&self, now_ms: i64) -> u64 {
        let passed = (now_ms - self.first_ms).max(0).unsigned_abs();
        passed * self.per_second / 1_000
    }

    /// Puts order number `index` in place of the one before.
    pub(crate) fn write(&self, index: u64, draft: &mut Draft) {
        let (a, b) = (mixed(index), mixed(!index));
        draft.due_ms = self.due_ms(index);
        draft.created_ms = draft.due_ms - (a >> 32).checked_rem(self.disorder_ms).unwrap_or(0).cast_signed();
        draft.partition = (index % PARTITIONS.unsigned_abs() as u64) as i32;

        draft.key.clear();
        write_id(&mut draft.key, draft.created_ms, a, b);
        let mut user = *b"u-00000";
        for (place, digit) in user[2..].iter_mut().rev().zip(digits(b % USERS)) {
            *place = digit;
        }
        let text = |bytes| std::str::from_utf8(bytes).expect("ids are written in ASCII here");
        let cents = |amount: u64| {
            Money::from_minor(amount.cast_signed()).expect("amounts here are small and not negative")
        };

        draft.value.clear();
        let total = cents(1_000 + a % 1_000_000);
        let mut writer = OrderWriter::new(&mut draft.value, text(&draft.key), text(&user), "USD", total);
        let items = 2 + u64::from(index.is_multiple_of(8));
        for item in 0..items {
            let product = PRODUCTS[((a + item) % 3) as usize];
            writer.item(product, 1 + (b >> 40 & 3).cast_signed(), cents(500 + b % 9_000));
        }
        let created = Timestamp::from_millis(draft.created_ms).expect("the clock stands after 1970");
        writer.finish(created);
    }
}

/// A bijection that looks like chance (the finalizer of SplitMix64).
fn mixed(index: u64) -> u64 {
    let mut x = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// An id in the form of a UUID of version 7.
fn write_id(out: &mut Vec<u8>, time_ms: i64, a: u64, b: u64) {
    let bits = u128::from(time_ms.unsigned_abs() & 0xffff_ffff_ffff) << 80
        | 7 << 76
        | u128::from(b & 0xfff) << 64
        | 2 << 62
        | u128::from(a >> 2);
    for place in 0..32_u32 {
        if matches!(place, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(b"0123456789abcdef"[(bits >> (124 - 4 * place) & 15) as usize]);
    }
}

/// The five last digits, the last one first.
fn digits(number: u64) -> impl Iterator<Item = u8> {
    (0..5).map(move |place| b'0' + (number / 10_u64.pow(place) % 10) as u8)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use weir_proto::order::{Event, read};

    use super::*;

    const ORDERS: Orders = Orders {
        first_ms: 1_763_865_360_000,
        per_second: 10_000,
        disorder_ms: 500,
    };

    #[test]
    fn orders_are_what_the_job_reads_and_305_bytes_on_average() {
        let (mut draft, mut ids, mut users, mut bytes) =
            (Draft::default(), HashSet::new(), HashSet::new(), 0);
        for index in 0..50_000 {
            ORDERS.write(index, &mut draft);
            bytes += draft.value.len();
            let Event::Created(order) = read(&draft.value).unwrap() else {
                panic!("another event");
            };
            assert_eq!(order.order_id.as_bytes(), draft.key);
            assert_eq!(order.created_at.millis(), draft.created_ms);
            assert!(draft.created_ms <= draft.due_ms && draft.due_ms - draft.created_ms < 500);
            assert!(ids.insert(draft.key.clone()), "an id came twice");
            users.insert(order.user_id.into_owned());
        }
        assert!(users.len() > 35_000, "{} users", users.len());
        assert!((300..=310).contains(&(bytes / 50_000)), "{bytes}");
    }

    #[test]
    fn as_many_are_due_as_have_come_due() {
        assert_eq!(ORDERS.due_at(ORDERS.first_ms - 5), 0);
        assert_eq!(ORDERS.due_at(ORDERS.first_ms + 1_000), 10_000);
        assert_eq!(ORDERS.due_ms(10_000), ORDERS.first_ms + 1_000);
    }
}
