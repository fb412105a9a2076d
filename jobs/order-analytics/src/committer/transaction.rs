//! What goes into a transaction.

use std::sync::Arc;

use weir_dataflow::source::{Reason, Reject};
use weir_kafka::{Outgoing, Transaction, dead_letter};

use super::Committer;
use crate::ledger::Draft;
use crate::progress::Progress;

impl Committer {
    pub(super) fn transaction(
        &self,
        draft: &Draft,
        rejects: Vec<Reject>,
        progress: &Progress,
    ) -> Transaction {
        let topics = &self.topics;
        let mut records: Vec<Outgoing> = Vec::with_capacity(draft.results.len() + rejects.len() + 1);
        records.extend(draft.results.iter().map(|result| Outgoing {
            topic: Arc::clone(&topics.results),
            partition: Some(0),
            key: Some(result.key().into_bytes()),
            value: Some(result.to_json()),
            headers: Vec::new(),
        }));
        records.extend(rejects.into_iter().map(|reject| self.reject(reject)));
        records.push(Outgoing {
            topic: Arc::clone(&topics.progress),
            partition: Some(0),
            key: Some(self.settings.job_id.clone().into_bytes()),
            value: Some(progress.to_json()),
            headers: Vec::new(),
        });
        let offsets = draft
            .offsets
            .iter()
            .map(|(id, offset)| (Arc::clone(&topics.orders), *id, *offset))
            .collect();
        Transaction { records, offsets }
    }

    fn reject(&self, reject: Reject) -> Outgoing {
        let (topic, most_bytes, error) = match reject.reason {
            Reason::Invalid(error) => (&self.topics.dlq, self.topics.dlq_bytes, error),
            Reason::Late(error) => (&self.topics.late, self.topics.late_bytes, error),
        };
        let reject = weir_kafka::Reject {
            partition: reject.partition,
            offset: reject.offset,
            timestamp: reject.timestamp,
            key: reject.key,
            value: reject.value,
            error,
        };
        dead_letter(topic, &self.topics.orders, reject, most_bytes)
    }
}

/// Halves the value of a record that the broker refused for its size; false when nothing is left to cut. The header
/// `truncated` tells the original size of key and value, as where a dead letter was cut before.
pub(super) fn shrink(record: &mut Outgoing) -> bool {
    let key = record.key.as_ref().map_or(0, Vec::len);
    let Some(value) = record.value.as_mut().filter(|value| !value.is_empty()) else {
        return false;
    };
    let original = value.len();
    value.truncate(original / 2);
    if !record.headers.iter().any(|(name, _)| *name == "truncated") {
        record
            .headers
            .push(("truncated", (key + original).to_string().into_bytes()));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_cut_tells_the_size_of_key_and_value() {
        let mut record = Outgoing {
            topic: "orders-dlq".into(),
            partition: None,
            key: Some(vec![b'k'; 7]),
            value: Some(vec![b'v'; 100]),
            headers: Vec::new(),
        };
        assert!(shrink(&mut record) && shrink(&mut record));
        assert_eq!(record.value.as_ref().map(Vec::len), Some(25));
        assert_eq!(record.headers, [("truncated", b"107".to_vec())]);
        record.value = None;
        assert!(!shrink(&mut record));
    }
}
