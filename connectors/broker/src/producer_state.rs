//! What a partition knows about its producers: the last batches of each (so that a batch sent twice is
//! stored once), its epoch (so that a fenced one is refused) and where its open transaction begins.

use std::collections::{BTreeMap, HashMap, VecDeque};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::log::batch::{BatchHeader, Marker};

/// A client may have five batches in flight, so that many are remembered.
const WINDOW: usize = 5;

/// A batch that was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) first_sequence: i32,
    pub(crate) last_sequence: i32,
    pub(crate) base_offset: i64,
    pub(crate) timestamp: i64,
}

/// One producer in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Producer {
    pub(crate) epoch: i16,
    pub(crate) batches: VecDeque<Stored>,
    /// First offset of its open transaction.
    pub(crate) open_from: Option<i64>,
    /// Wall clock of its last write, milliseconds since 1970.
    pub(crate) last_write_ms: i64,
}

/// A transaction that was rolled back, as readers of committed records must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    /// Offset of the marker.
    pub(crate) last_offset: i64,
}

/// Whether a batch is new.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Append,
    /// It is stored already: the same answer is given again.
    Duplicate(Stored),
}

/// All producers of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
    /// First offsets of open transactions.
    open: BTreeMap<i64, i64>,
}

impl Producers {
    /// Judges a batch that a client wants to append.
    pub(crate) fn check(&self, header: &BatchHeader) -> Result<Verdict, Fault> {
        if !header.has_producer() {
            return Ok(Verdict::Append);
        }
        let Some(known) = self.by_id.get(&header.producer_id) else {
            // Like Apache Kafka: an expired or unknown producer may go on with any sequence.
            return Ok(Verdict::Append);
        };
        if header.producer_epoch < known.epoch {
            let text = format!(
                "producer epoch {} is older than {}",
                header.producer_epoch, known.epoch
            );
            return Err(Fault::new(ResponseError::InvalidProducerEpoch, text));
        }
        let out_of_order = |expected: i32| {
            let text = format!("sequence {} where {expected} was expected", header.base_sequence);
            Err(Fault::new(ResponseError::OutOfOrderSequenceNumber, text))
        };
        if header.producer_epoch > known.epoch {
            return if header.base_sequence == 0 {
                Ok(Verdict::Append)
            } else {
                out_of_order(0)
            };
        }
        let last = (header.base_sequence, header.last_sequence());
        if let Some(stored) = known
            .batches
            .iter()
            .find(|b| (b.first_sequence, b.last_sequence) == last)
        {
            return Ok(Verdict::Duplicate(*stored));
        }
        let expected = match known.batches.back() {
            Some(newest) if newest.last_sequence == i32::MAX => 0,
            Some(newest) => newest.last_sequence + 1,
            None => 0,
        };
        if header.base_sequence == expected {
            Ok(Verdict::Append)
        } else {
            out_of_order(expected)
        }
    }

    /// Notes a data batch that was appended; the header carries the offset it was given.
    pub(crate) fn appended(&mut self, header: &BatchHeader, now_ms: i64) {
        if !header.has_producer() {
            return;
        }
        let producer = self
            .by_id
            .entry(header.producer_id)
            .or_insert_with(|| Producer::new(header.producer_epoch));
        if producer.epoch != header.producer_epoch {
            producer.batches.clear();
            producer.epoch = header.producer_epoch;
        }
        if producer.batches.len() == WINDOW {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Stored {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            timestamp: header.max_timestamp,
        });
        producer.last_write_ms = now_ms;
        if header.is_transactional() && producer.open_from.is_none() {
            producer.open_from = Some(header.base_offset);
            self.open.insert(header.base_offset, header.producer_id);
        }
    }

    /// Notes a marker that was appended; returns the transaction if it was rolled back.
    pub(crate) fn ended(&mut self, header: &BatchHeader, marker: Marker, now_ms: i64) -> Option<Aborted> {
        let producer = self
            .by_id
            .entry(header.producer_id)
            .or_insert_with(|| Producer::new(header.producer_epoch));
        if header.producer_epoch > producer.epoch {
            producer.epoch = header.producer_epoch;
            producer.batches.clear();
        }
        producer.last_write_ms = now_ms;
        let first_offset = producer.open_from.take()?;
        self.open.remove(&first_offset);
        let aborted = Aborted {
            producer_id: header.producer_id,
            first_offset,
            last_offset: header.base_offset,
        };
        (marker == Marker::Abort).then_some(aborted)
    }

    /// Where the oldest open transaction begins.
    pub(crate) fn first_open_offset(&self) -> Option<i64> {
        self.open.first_key_value().map(|(offset, _)| *offset)
    }

    /// Whether the producer has a transaction open here.
    pub(crate) fn has_open(&self, producer_id: i64) -> bool {
        self.by_id
            .get(&producer_id)
            .is_some_and(|p| p.open_from.is_some())
    }

    /// Forgets producers that wrote nothing since `before_ms` and have no transaction open.
    pub(crate) fn expire(&mut self, before_ms: i64) {
        self.by_id
            .retain(|_, producer| producer.open_from.is_some() || producer.last_write_ms >= before_ms);
    }

    /// The producers with their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.by_id.iter().map(|(id, producer)| (*id, producer))
    }
}

impl Producer {
    fn new(epoch: i16) -> Self {
        Self {
            epoch,
            batches: VecDeque::new(),
            open_from: None,
            last_write_ms: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::sample;

    const PRODUCER: i64 = 7;

    fn header(epoch: i16, first_sequence: i32, count: i32) -> BatchHeader {
        BatchHeader::parse(&sample::records((PRODUCER, epoch), first_sequence, count)).unwrap()
    }

    /// A producer that has written batches of ten records each.
    fn after(batches: i32) -> Producers {
        let mut producers = Producers::default();
        for n in 0..batches {
            let mut stored = header(0, n * 10, 10);
            stored.base_offset = i64::from(n) * 10;
            producers.appended(&stored, 1);
        }
        producers
    }

    fn refused(producers: &Producers, header: &BatchHeader) -> ResponseError {
        producers.check(header).unwrap_err().error
    }

    #[test]
    fn a_batch_sent_twice_is_known_by_its_first_answer() {
        let Verdict::Duplicate(stored) = after(3).check(&header(0, 10, 10)).unwrap() else {
            panic!("stored twice");
        };
        assert_eq!((stored.base_offset, stored.last_sequence), (10, 19));
    }

    #[test]
    fn a_gap_is_out_of_order_and_the_next_in_order_is_taken() {
        let producers = after(3);
        assert_eq!(
            refused(&producers, &header(0, 31, 10)),
            ResponseError::OutOfOrderSequenceNumber
        );
        assert_eq!(producers.check(&header(0, 30, 10)).unwrap(), Verdict::Append);
    }

    #[test]
    fn five_batches_are_remembered_and_the_sixth_oldest_is_out_of_order() {
        let producers = after(6);
        assert!(matches!(
            producers.check(&header(0, 10, 10)),
            Ok(Verdict::Duplicate(_))
        ));
        assert_eq!(
            refused(&producers, &header(0, 0, 10)),
            ResponseError::OutOfOrderSequenceNumber
        );
    }

    #[test]
    fn an_older_epoch_is_refused_and_a_newer_one_begins_at_zero() {
        let mut producers = after(1);
        assert_eq!(
            refused(&producers, &header(1, 10, 10)),
            ResponseError::OutOfOrderSequenceNumber
        );
        assert_eq!(producers.check(&header(1, 0, 10)).unwrap(), Verdict::Append);
        producers.appended(&header(1, 0, 10), 2);
        assert_eq!(
            refused(&producers, &header(0, 10, 10)),
            ResponseError::InvalidProducerEpoch
        );
    }

    #[test]
    fn sequences_go_on_at_zero_after_the_largest() {
        let mut producers = Producers::default();
        producers.appended(&header(0, i32::MAX - 9, 10), 1);
        assert_eq!(producers.check(&header(0, 0, 10)).unwrap(), Verdict::Append);
        let mut producers = Producers::default();
        producers.appended(&header(0, i32::MAX - 4, 10), 1);
        assert_eq!(producers.check(&header(0, 5, 1)).unwrap(), Verdict::Append);
        assert_eq!(
            refused(&producers, &header(0, 0, 1)),
            ResponseError::OutOfOrderSequenceNumber
        );
    }
}
