//! Waiting for something new in a partition without reading all of it again and again.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::{READING, REQUEST, consumer, partitions_of, passing};

/// The first partition of a topic, asked over one connection.
pub struct Watch {
    consumer: BaseConsumer,
    topic: String,
    /// Whether the topic was seen: one that does not exist cannot be asked for its end.
    exists: bool,
    /// The offset [`Watch::published_since`] was asked for last, and the end up to which nothing was found behind it.
    looked: (i64, i64),
}

impl Watch {
    /// Connects when it is asked for something. The topic need not exist yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(bootstrap: &str, topic: &str) -> Result<Watch> {
        Ok(Watch {
            consumer: consumer(bootstrap)?,
            topic: topic.to_owned(),
            exists: false,
            looked: (0, 0),
        })
    }

    /// Where a read_committed consumer would wait now; 0 while the topic does not exist, `None` while the broker is away.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn end(&mut self) -> Result<Option<i64>> {
        let end = self.ask();
        match end {
            Ok(end) => Ok(Some(end)),
            Err(error) if error.downcast_ref().is_some_and(passing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ask(&mut self) -> Result<i64> {
        self.exists = self.exists || !partitions_of(&self.consumer, &self.topic)?.is_empty();
        if !self.exists {
            return Ok(0);
        }
        let (_, end) = self.consumer.fetch_watermarks(&self.topic, 0, REQUEST)?;
        Ok(end)
    }

    /// Whether a committed record stands at `offset` or behind it. An aborted transaction moves the end as well, so the
    /// records themselves are asked for, once for each end.
    ///
    /// # Errors
    /// When the broker refuses, or the records cannot be read in time.
    pub fn published_since(&mut self, offset: i64) -> Result<bool> {
        let Some(end) = self.end()? else { return Ok(false) };
        if end <= offset || self.looked == (offset, end) {
            return Ok(false);
        }
        let found = self.record_from(offset)?;
        self.looked = (offset, end);
        Ok(found)
    }

    fn record_from(&self, offset: i64) -> Result<bool> {
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(&self.topic, 0, Offset::Offset(offset))?;
        self.consumer.assign(&assignment)?;
        let deadline = Instant::now() + READING;
        let found = loop {
            ensure!(
                Instant::now() < deadline,
                "topic {}: not read from {offset} to its end",
                self.topic
            );
            match self.consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Ok(message)) if rdkafka::Message::offset(&message) >= offset => break true,
                Some(Ok(_)) => {}
                Some(Err(KafkaError::PartitionEOF(_))) => break false,
                Some(Err(error)) if passing(&error) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        };
        self.consumer.unassign()?;
        Ok(found)
    }
}
