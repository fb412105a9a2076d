//! The orders topic as the source of the dataflow.

use weir_dataflow::source::{Entry, Log};
use weir_kafka::{Source, SourceError};

/// A worker's reader of the orders topic.
pub(crate) struct KafkaLog(pub(crate) Source);

impl Log for KafkaLog {
    type Error = SourceError;

    fn assign(&mut self, partition: i32, offset: i64) -> Result<(), SourceError> {
        self.0.assign(partition, offset)
    }

    fn read(
        &mut self,
        partition: i32,
        max: usize,
        mut each: impl FnMut(Entry<'_>),
    ) -> Result<bool, SourceError> {
        let read = self.0.read(partition, max, |record| {
            each(Entry {
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key,
                value: record.value,
            });
        })?;
        Ok(read.maybe_more)
    }

    fn position(&self, partition: i32) -> i64 {
        self.0.position(partition)
    }
}
