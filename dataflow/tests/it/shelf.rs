//! A log in memory whose records and pace a test sets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use weir_dataflow::fingerprint::Fingerprint;
use weir_dataflow::source::{Decoded, DecodedOrder, Entry, Log};

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Order id and event time in seconds; the user is the id modulo ten, the amount follows from the id.
    Order(u32, i64),
    Ignored,
    Garbage,
}

/// A record with its Kafka timestamp in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) content: Content,
    pub(crate) kafka_s: i64,
}

pub(crate) fn user_of(id: u32) -> u32 {
    id % 10
}

pub(crate) fn cents_of(id: u32) -> i64 {
    i64::from(id) * 7 + 1
}

pub(crate) fn items_of(id: u32) -> i64 {
    i64::from(id % 4) + 1
}

/// An order that Kafka received at its event time.
pub(crate) fn order(id: u32, at: i64) -> Record {
    Record {
        content: Content::Order(id, at),
        kafka_s: at,
    }
}

/// A record that is no order, received at `kafka_s`.
pub(crate) fn garbage(kafka_s: i64) -> Record {
    Record {
        content: Content::Garbage,
        kafka_s,
    }
}

#[derive(Default)]
struct State {
    partitions: BTreeMap<i32, Vec<Record>>,
    positions: BTreeMap<i32, i64>,
    /// Most records of one read; for a test of what happens between reads.
    per_read: Option<usize>,
    /// Nothing can be read: the broker is frozen.
    frozen: bool,
    /// Offsets after the last record that are no records: a transaction's marker.
    markers: i64,
    failing: bool,
}

/// The log; clones are the same log.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Rc<RefCell<State>>);

impl Shelf {
    pub(crate) fn of(partitions: &[&[Record]]) -> Self {
        let shelf = Self::default();
        for (partition, records) in (0..).zip(partitions) {
            shelf.append(partition, records);
        }
        shelf
    }

    pub(crate) fn append(&self, partition: i32, records: &[Record]) {
        let mut state = self.0.borrow_mut();
        state.partitions.entry(partition).or_default().extend(records);
    }

    pub(crate) fn give_at_most(&self, per_read: usize) {
        self.0.borrow_mut().per_read = Some(per_read);
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        self.0.borrow_mut().frozen = frozen;
    }

    pub(crate) fn end_with_markers(&self, markers: i64) {
        self.0.borrow_mut().markers = markers;
    }

    pub(crate) fn fail(&self) {
        self.0.borrow_mut().failing = true;
    }

    /// The next offset to be read.
    pub(crate) fn read_to(&self, partition: i32) -> i64 {
        self.0.borrow().positions.get(&partition).copied().unwrap_or(0)
    }

    /// First offsets and ends, as a broker tells them.
    pub(crate) fn ends(&self) -> BTreeMap<i32, (i64, i64)> {
        let state = self.0.borrow();
        let ends = state.partitions.iter();
        ends.map(|(id, records)| (*id, (0, records.len() as i64 + state.markers)))
            .collect()
    }
}

impl Log for Shelf {
    type Error = &'static str;

    fn assign(&mut self, partition: i32, offset: i64) -> Result<(), Self::Error> {
        self.0.borrow_mut().positions.insert(partition, offset);
        Ok(())
    }

    fn read(
        &mut self,
        partition: i32,
        max: usize,
        mut each: impl FnMut(Entry<'_>),
    ) -> Result<bool, Self::Error> {
        let mut state = self.0.borrow_mut();
        if state.failing {
            return Err("the disk burns");
        }
        if state.frozen {
            return Ok(false);
        }
        let most = state.per_read.unwrap_or(max).min(max);
        let position = state.positions[&partition];
        let records = state.partitions.entry(partition).or_default();
        let end = records.len() as i64;
        let until = end.min(position + most as i64);
        for offset in position..until {
            let record = records[offset as usize];
            let text = match record.content {
                Content::Order(id, at) => format!("{id} {at}"),
                Content::Ignored => "ignored".to_owned(),
                Content::Garbage => "garbage".to_owned(),
            };
            each(Entry {
                offset,
                timestamp: Some(record.kafka_s * 1_000),
                key: Some(b"key"),
                value: Some(text.as_bytes()),
            });
        }
        state.positions.insert(partition, until.max(position));
        Ok(until < end)
    }

    fn position(&self, partition: i32) -> i64 {
        let state = self.0.borrow();
        let position = state.positions[&partition];
        let end = state.partitions.get(&partition).map_or(0, Vec::len) as i64;
        if position < end {
            position
        } else {
            position.max(end + state.markers)
        }
    }
}

/// Reads what [`Shelf`] writes.
pub(crate) fn decode(entry: &Entry<'_>) -> Decoded {
    let text = std::str::from_utf8(entry.value.unwrap()).unwrap();
    if text == "ignored" {
        return Decoded::Ignored;
    }
    let Some((id, at)) = text.split_once(' ') else {
        return Decoded::Invalid("no order".to_owned());
    };
    let (id, at) = (id.parse::<u32>().unwrap(), at.parse::<i64>().unwrap());
    Decoded::Order(DecodedOrder {
        order: Fingerprint::of(&id.to_le_bytes()),
        user: Fingerprint::of(&user_of(id).to_le_bytes()),
        event_ms: at * 1_000,
        cents: cents_of(id),
        items: items_of(id),
    })
}
