//! Orders with every fault that real life has, from a seed, with their own times.
//!
//! A feed walks through event time. Each record carries its Kafka timestamp, so hours of event time are written in
//! seconds. What an order was made for stands in its id (`o-` in time, `tardy-` for a closed window but within the
//! allowed lateness, `late-` possibly too late, `future-` beyond the maximum), so that the judge and whoever reads a
//! failure know it without a side table.

mod garbage;
mod layout;
mod receipts;
mod write;

use std::collections::VecDeque;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

pub use garbage::{KINDS as GARBAGE, garbage};
pub use layout::{Layout, OrderText};
pub use receipts::{Difference, Receipts};
pub use write::{Transactional, Writer};

/// Event time of the first order where a test does not care: two hours before a leap day, so that spans cross it.
pub const LEAP_EVE: i64 = 1_709_157_600_000;

/// Glob of the ids of orders that may be too late.
pub const MAY_BE_LATE: &str = "late-*";

/// What a feed is like. Shares are of all records, 0 to 1; times are milliseconds.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The same seed gives the same feed.
    pub seed: u64,
    /// Event time at which the feed begins, milliseconds since 1970.
    pub start_ms: i64,
    /// Orders in a second of event time, over all partitions.
    pub rate: f64,
    /// Partitions written to: 0 up to this, less `empty`.
    pub partitions: i32,
    /// Users the orders are spread over; the first ones order most.
    pub users: u32,
    /// How far an order in time may be behind the newest.
    pub disorder_ms: i64,
    /// What the job is told, for making orders late or future.
    pub window_ms: i64,
    /// Watermark lag of the job.
    pub lag_ms: i64,
    /// Allowed lateness of the job.
    pub lateness_ms: i64,
    /// Maximum ahead of the job.
    pub ahead_ms: i64,
    /// How much wall time the clocks of a quiet topic may have moved on by themselves: tardy orders keep that distance from
    /// being too late.
    pub slack_ms: i64,
    /// Share of copies written to the same partition again.
    pub again: f64,
    /// Share of copies written to another partition.
    pub copies: f64,
    /// Share of orders for windows that are closed but can be revised.
    pub tardy: f64,
    /// Share of orders too late for their window.
    pub late: f64,
    /// Share of orders further ahead than allowed.
    pub future: f64,
    /// Share of values that are no valid order.
    pub garbage: f64,
    /// Share of null values.
    pub tombstones: f64,
    /// Share of other event types.
    pub other_events: f64,
    /// Share of orders written in another layout than our own writer's.
    pub odd_layouts: f64,
    /// Partitions that get nothing.
    pub empty: Vec<i32>,
    /// A partition and how far its orders and timestamps lag behind the others.
    pub lagging: Option<(i32, i64)>,
    /// Partitions that get nothing between two moments of event time, counted from the start.
    pub quiet: Vec<(i32, i64, i64)>,
}

impl Default for Shape {
    /// Orders in time and nothing else, in four partitions, for a job with the default settings.
    fn default() -> Self {
        Shape {
            seed: 1,
            start_ms: LEAP_EVE,
            rate: 5.0,
            partitions: 4,
            users: 50,
            disorder_ms: 0,
            window_ms: 60_000,
            lag_ms: 10_000,
            lateness_ms: 60_000,
            ahead_ms: 60_000,
            slack_ms: 2_000,
            again: 0.0,
            copies: 0.0,
            tardy: 0.0,
            late: 0.0,
            future: 0.0,
            garbage: 0.0,
            tombstones: 0.0,
            other_events: 0.0,
            odd_layouts: 0.0,
            empty: Vec::new(),
            lagging: None,
            quiet: Vec::new(),
        }
    }
}

impl Shape {
    /// A bit of everything that can be wrong with a stream of orders.
    pub fn rough(seed: u64) -> Shape {
        Shape {
            seed,
            disorder_ms: 6_000,
            again: 0.04,
            copies: 0.04,
            tardy: 0.03,
            late: 0.02,
            future: 0.01,
            garbage: 0.04,
            tombstones: 0.01,
            other_events: 0.03,
            odd_layouts: 0.2,
            ..Shape::default()
        }
    }
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Partition it goes to.
    pub partition: i32,
    /// CreateTime, milliseconds since 1970.
    pub timestamp: i64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
}

/// A copy that waits for its moment.
struct Due {
    at_ms: i64,
    partition: i32,
    order: OrderText,
}

/// A stream of records; as long as one asks for more.
pub struct Feed {
    shape: Shape,
    random: SmallRng,
    now_ms: i64,
    written: u64,
    copies: VecDeque<Due>,
}

/// A copy follows its order within this time.
const COPY_WITHIN_MS: i64 = 4_000;

impl Feed {
    /// A feed at its beginning.
    ///
    /// # Panics
    /// When every partition is to stay empty.
    pub fn new(shape: Shape) -> Feed {
        assert!(
            (0..shape.partitions).any(|partition| !shape.empty.contains(&partition)),
            "no partition to write to"
        );
        Feed {
            random: SmallRng::seed_from_u64(shape.seed),
            now_ms: shape.start_ms,
            written: 0,
            copies: VecDeque::new(),
            shape,
        }
    }

    /// The moment of event time the feed has come to, milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Lets event time pass in which nobody orders.
    pub fn pause(&mut self, span_ms: i64) {
        self.now_ms += span_ms;
    }

    /// The shape, to be changed while the feed runs.
    pub fn shape_mut(&mut self) -> &mut Shape {
        &mut self.shape
    }

    /// The records of the next span of event time, in the order they are to be written in.
    pub fn next(&mut self, span_ms: i64) -> Vec<Planned> {
        let end_ms = self.now_ms + span_ms;
        let mut records = Vec::new();
        while self.now_ms < end_ms {
            let step = (1000.0 / self.shape.rate * self.random.random_range(0.5..1.5)) as i64;
            self.now_ms += step.max(1);
            while self.copies.front().is_some_and(|due| due.at_ms <= self.now_ms) {
                if let Some(due) = self.copies.pop_front() {
                    records.push(self.copy(&due));
                }
            }
            let record = self.record();
            records.push(record);
        }
        records
    }

    fn record(&mut self) -> Planned {
        let partition = self.partition();
        let shape = &self.shape;
        // The producers of a lagging partition live in the past altogether.
        let now_ms = self.now_ms
            - shape
                .lagging
                .filter(|(lagging, _)| *lagging == partition)
                .map_or(0, |(_, by)| by);
        let number = self.written;
        self.written += 1;
        let mut die: f64 = self.random.random();
        let mut falls_in = |share: f64| {
            die -= share;
            die < 0.0
        };
        if falls_in(shape.tombstones) {
            return Planned {
                partition,
                timestamp: now_ms,
                key: Some(format!("t-{number}").into_bytes()),
                value: None,
            };
        }
        if falls_in(shape.garbage) {
            let kind = GARBAGE[self.random.random_range(0..GARBAGE.len())];
            let order = self.order(&format!("bad-{}-{number}", kind.replace(' ', "-")), now_ms);
            let value = garbage(kind, &order);
            return Planned {
                partition,
                timestamp: now_ms,
                key: Some(order.order_id.into_bytes()),
                value: Some(value),
            };
        }
        if falls_in(shape.other_events) {
            let order = self.order(&format!("o-{number}"), now_ms);
            let value = Layout::Paid.write(&order);
            return Planned {
                partition,
                timestamp: now_ms,
                key: Some(order.order_id.into_bytes()),
                value: Some(value),
            };
        }
        let closed_ms = now_ms - shape.lag_ms - shape.window_ms - 1_000;
        // In event time the oldest an order can be without danger, its copies included.
        let oldest_ms = now_ms - shape.lag_ms - shape.lateness_ms + shape.slack_ms + COPY_WITHIN_MS;
        let (name, event_ms) = if falls_in(shape.future) {
            (
                "future",
                now_ms + shape.ahead_ms + self.random.random_range(1..=86_400_000),
            )
        } else if falls_in(shape.late) {
            let by = self.random.random_range(0..=3 * shape.window_ms + 60_000);
            (
                "late",
                now_ms - shape.lag_ms - shape.lateness_ms - shape.window_ms - by,
            )
        } else if falls_in(shape.tardy) && oldest_ms < closed_ms {
            ("tardy", self.random.random_range(oldest_ms..=closed_ms))
        } else {
            // A tenth of the disorder is clocks that run ahead, which is allowed up to the maximum.
            let ahead_ms = if shape.disorder_ms > 0 && self.random.random_bool(0.02) {
                shape.ahead_ms
            } else {
                0
            };
            (
                "o",
                now_ms + ahead_ms - self.random.random_range(0..=shape.disorder_ms),
            )
        };
        let order = self.order(&format!("{name}-{number}"), event_ms);
        if name != "future" {
            self.plan_copies(partition, &order);
        }
        let layout = self.layout();
        Planned {
            partition,
            timestamp: now_ms,
            key: Some(order.order_id.clone().into_bytes()),
            value: Some(layout.write(&order)),
        }
    }

    fn plan_copies(&mut self, partition: i32, order: &OrderText) {
        let same = self.random.random_bool(self.shape.again.min(1.0));
        let other = self.random.random_bool(self.shape.copies.min(1.0));
        for partition in [same.then_some(partition), other.then(|| self.partition())]
            .into_iter()
            .flatten()
        {
            // In a partition that lags, the copy would be future, and the copy of one of its own too late elsewhere.
            if self.shape.lagging.is_some() {
                continue;
            }
            let at_ms = self.now_ms + self.random.random_range(0..=COPY_WITHIN_MS);
            let place = self.copies.partition_point(|due| due.at_ms <= at_ms);
            self.copies.insert(
                place,
                Due {
                    at_ms,
                    partition,
                    order: order.clone(),
                },
            );
        }
    }

    fn copy(&mut self, due: &Due) -> Planned {
        let layout = self.layout();
        Planned {
            partition: due.partition,
            timestamp: self.now_ms,
            key: Some(due.order.order_id.clone().into_bytes()),
            value: Some(layout.write(&due.order)),
        }
    }

    fn order(&mut self, order_id: &str, event_ms: i64) -> OrderText {
        // The square of an even draw: some users order often, most seldom.
        let draw: f64 = self.random.random();
        let user = (draw * draw * f64::from(self.shape.users)) as u32;
        let mut items = Vec::new();
        for _ in 0..self.random.random_range(1..=4) {
            let price_minor = self.random.random_range(1..=20_000);
            items.push((
                format!("p-{}", self.random.random_range(1..200)),
                self.random.random_range(1..=5),
                price_minor,
            ));
        }
        OrderText::new(order_id, &format!("u-{user}"), items, event_ms)
    }

    fn layout(&mut self) -> Layout {
        if self.random.random_bool(self.shape.odd_layouts.min(1.0)) {
            Layout::ODD[self.random.random_range(0..Layout::ODD.len())]
        } else {
            Layout::Own
        }
    }

    fn partition(&mut self) -> i32 {
        let since_start = self.now_ms - self.shape.start_ms;
        let open: Vec<i32> = (0..self.shape.partitions)
            .filter(|partition| !self.shape.empty.contains(partition))
            .filter(|partition| {
                self.shape
                    .quiet
                    .iter()
                    .all(|(quiet, from, to)| quiet != partition || !(*from..*to).contains(&since_start))
            })
            .collect();
        open[self.random.random_range(0..open.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_feed() {
        let feed = || Feed::new(Shape::rough(7)).next(120_000);
        assert_eq!(feed(), feed());
        assert!(feed().len() > 500);
    }

    #[test]
    fn a_quiet_partition_gets_nothing_in_its_time() {
        let mut feed = Feed::new(Shape {
            quiet: vec![(2, 10_000, 50_000)],
            ..Shape::rough(3)
        });
        feed.next(10_000);
        // Copies that were planned before may still come.
        feed.next(COPY_WITHIN_MS);
        assert!(feed.next(30_000).iter().all(|record| record.partition != 2));
        feed.next(10_000);
        assert!(feed.next(30_000).iter().any(|record| record.partition == 2));
    }
}
