//! The topics of one test: what goes in, what came out, and what should have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_kafka::{
    Connection, Outgoing, OwnedRecord, Sink, SinkOptions, TopicError, TopicSpec, Transaction, ensure,
    offsets, partitions, read_range,
};
use weir_proto::AnalyticsResult;

/// 2026-01-01T00:00:00Z: orders of the past, so that a run does not depend on the clock.
pub(crate) const BASE_S: i64 = 1_767_225_600;

/// One order, as far as the windows see it.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) user: u64,
    pub(crate) cents: u64,
    /// Seconds after [`BASE_S`].
    pub(crate) at: i64,
}

impl Order {
    pub(crate) fn json(&self) -> String {
        let amount = format!("{}.{:02}", self.cents / 100, self.cents % 100);
        format!(
            r#"{{"event_type":"order.created","order_id":"o-{}","user_id":"u-{}","currency":"USD","total_amount":"{amount}","items":[{{"product_id":"p","quantity":2,"unit_price":"{amount}"}}],"created_at":{}}}"#,
            self.id,
            self.user,
            (BASE_S + self.at) * 1_000
        )
    }
}

/// `count` orders, `per_second` of them in each second from `from` on.
pub(crate) fn orders(count: u64, per_second: u64, from: i64) -> Vec<Order> {
    (0..count)
        .map(|id| Order {
            id: from.unsigned_abs() * 1_000_000 + id,
            user: id % 17,
            cents: 100 + id % 900,
            at: from + (id / per_second) as i64,
        })
        .collect()
}

/// Topics with names of their own.
pub(crate) struct Stage {
    pub(crate) connection: Connection,
    pub(crate) name: String,
}

impl Stage {
    pub(crate) fn new(address: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            connection: Connection::new(address),
            name: format!("job-{}-{}-{number}", std::process::id(), now.as_micros()),
        }
    }

    pub(crate) fn topic(&self, what: &str) -> String {
        format!("{}-{what}", self.name)
    }

    /// The command line of a run, with more arguments.
    pub(crate) fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut arguments: Vec<String> = ["run", "--bootstrap-servers", &self.connection.bootstrap_servers]
            .map(str::to_owned)
            .into();
        for what in ["orders", "results", "dlq", "late"] {
            arguments.extend([format!("--{what}-topic"), self.topic(what)]);
        }
        arguments.extend(["--job-id", &self.name].map(str::to_owned));
        if !more.contains(&"--http-addr") {
            arguments.extend(["--http-addr", "127.0.0.1:0"].map(str::to_owned));
        }
        arguments.extend(more.iter().map(|more| (*more).to_owned()));
        arguments
    }

    pub(crate) fn make(&self, what: &str, partitions: i32) {
        let spec = TopicSpec {
            name: self.topic(what),
            partitions,
            configs: Vec::new(),
        };
        ensure(&self.connection, &[spec]).unwrap();
    }

    pub(crate) fn partitions(&self, what: &str) -> usize {
        partitions(&self.connection, &self.topic(what)).unwrap().len()
    }

    pub(crate) fn write<V: Into<Vec<u8>>>(&self, partition: i32, values: impl IntoIterator<Item = V>) {
        self.write_to(
            "orders",
            partition,
            values.into_iter().map(|value| Some(value.into())),
        );
    }

    pub(crate) fn write_to(
        &self,
        what: &str,
        partition: i32,
        values: impl IntoIterator<Item = Option<Vec<u8>>>,
    ) {
        let topic: Arc<str> = self.topic(what).into();
        let records = values.into_iter().map(|value| Outgoing {
            topic: Arc::clone(&topic),
            partition: Some(partition),
            key: Some(self.name.clone().into_bytes()),
            value,
            headers: Vec::new(),
        });
        let transaction = Transaction {
            records: records.collect(),
            offsets: Vec::new(),
        };
        let id = format!("{}-writer", self.name);
        let mut sink = Sink::connect(&self.connection, SinkOptions::new(id.clone(), id)).unwrap();
        sink.commit(&transaction).unwrap();
    }

    /// Writes orders, spread over the first partitions, one after the other: a live run that sees orders of the past
    /// come to one partition first takes an empty one for empty, so live tests use one partition.
    pub(crate) fn write_orders(&self, orders: &[Order], partitions: u64) {
        for partition in 0..partitions {
            let mine = orders.iter().filter(|order| order.id % partitions == partition);
            self.write(partition as i32, mine.map(Order::json));
        }
    }

    /// All committed records of a topic; none while the topic is missing.
    pub(crate) fn read(&self, what: &str) -> Vec<OwnedRecord> {
        let topic = self.topic(what);
        let mut records = Vec::new();
        let partitions = match partitions(&self.connection, &topic) {
            Err(TopicError::Missing(_)) => Vec::new(),
            found => found.unwrap(),
        };
        for partition in partitions {
            read_range(&self.connection, &topic, partition, 0, |record| {
                records.push(record)
            })
            .unwrap();
        }
        records
    }

    /// The offset after the last record of a topic with one partition; 0 while the topic is missing.
    pub(crate) fn end(&self, what: &str) -> i64 {
        match offsets(&self.connection, &self.topic(what)) {
            Err(TopicError::Missing(_)) => 0,
            found => found.unwrap()[&0].1,
        }
    }

    /// The newest result of each window; revisions must follow one another and never shrink.
    pub(crate) fn results(&self) -> BTreeMap<i64, AnalyticsResult> {
        let mut newest: BTreeMap<i64, AnalyticsResult> = BTreeMap::new();
        for record in self.read("results") {
            let result = AnalyticsResult::from_json(record.value.as_deref().unwrap()).unwrap();
            let window = result.window_start().millis() / 1_000 - BASE_S;
            let before = newest.insert(window, result);
            let revision = before.map_or(0, |before| before.revision() + 1);
            assert_eq!(result.revision(), revision, "window {window}");
            assert!(
                before.is_none_or(|before| before.order_count() < result.order_count()),
                "window {window}"
            );
        }
        newest
    }

    /// Whether the results are those of these orders, by plain sums; otherwise what differs.
    pub(crate) fn differs(&self, orders: &[Order], window_s: i64) -> Result<(), String> {
        let mut want: BTreeMap<i64, (BTreeSet<u64>, BTreeSet<u64>, u64)> = BTreeMap::new();
        for order in orders {
            let (ids, users, cents) = want.entry(order.at.div_euclid(window_s) * window_s).or_default();
            if ids.insert(order.id) {
                users.insert(order.user);
                *cents += order.cents;
            }
        }
        let want: Vec<_> = want
            .into_iter()
            .map(|(window, (ids, users, cents))| {
                let count = ids.len();
                (
                    window,
                    count as u64,
                    i128::from(cents),
                    2 * count as i64,
                    users.len() as u64,
                )
            })
            .collect();
        let got: Vec<_> = self
            .results()
            .into_iter()
            .map(|(window, result)| {
                let cents = result.total_revenue().minor();
                (
                    window,
                    result.order_count(),
                    cents,
                    result.total_items(),
                    result.unique_users(),
                )
            })
            .collect();
        if got == want {
            Ok(())
        } else {
            Err(format!("the results are\n{got:?}\nand should be\n{want:?}"))
        }
    }

    pub(crate) fn holds(&self, orders: &[Order], window_s: i64) {
        self.differs(orders, window_s).unwrap();
    }
}

/// The text of a header.
pub(crate) fn header(record: &OwnedRecord, name: &str) -> Option<String> {
    let (_, value) = record.headers.iter().find(|(header, _)| header == name)?;
    Some(String::from_utf8(value.clone()).unwrap())
}
