//! What the journal says: topics, committed offsets, transactions, producer ids. It changes by applying entries
//! and can be written as entries again, which is how the journal is compacted.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// Name of a topic and number of a partition.
pub(crate) type TopicPartition = (String, i32);

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopicRecord {
    /// Tells apart topics that had the same name one after the other.
    pub(crate) incarnation: u64,
    pub(crate) partitions: i32,
    /// Settings that differ from the broker's.
    pub(crate) configs: BTreeMap<String, String>,
    /// First offset that may be read, by partition, where records were deleted by request.
    #[serde(default)]
    pub(crate) starts: BTreeMap<i32, i64>,
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
    /// Wall clock of the commit, milliseconds since 1970.
    pub(crate) at_ms: i64,
}

/// The states of a transactional id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TxnState {
    Empty,
    Ongoing,
    PrepareCommit,
    PrepareAbort,
    CompleteCommit,
    CompleteAbort,
}

/// A transactional id with its present transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TxnRecord {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    /// Producer and epoch before the last bump that the client asked for, to know a repeated request.
    pub(crate) previous: Option<(i64, i16)>,
    pub(crate) timeout_ms: i32,
    pub(crate) state: TxnState,
    pub(crate) started_ms: i64,
    pub(crate) changed_ms: i64,
    pub(crate) partitions: BTreeSet<TopicPartition>,
    /// Groups whose offsets belong to the transaction.
    pub(crate) groups: BTreeSet<String>,
    /// Offsets that the commit will publish, by group.
    pub(crate) offsets: BTreeMap<String, Vec<(TopicPartition, Committed)>>,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Entry {
    Topic {
        name: String,
        topic: TopicRecord,
    },
    TopicDeleted {
        name: String,
    },
    LogStart {
        name: String,
        partition: i32,
        offset: i64,
    },
    Offsets {
        group: String,
        offsets: Vec<(TopicPartition, Committed)>,
    },
    OffsetsDeleted {
        group: String,
        partitions: Vec<TopicPartition>,
    },
    GroupDeleted {
        group: String,
    },
    ProducerIds {
        next: i64,
    },
    Incarnations {
        next: u64,
    },
    Transaction {
        id: String,
        record: TxnRecord,
    },
    /// Adds to the open transaction, so that a long one does not write itself again and again.
    TransactionGrew {
        id: String,
        changed_ms: i64,
        partitions: Vec<TopicPartition>,
        groups: Vec<String>,
    },
    TransactionOffsets {
        id: String,
        group: String,
        offsets: Vec<(TopicPartition, Committed)>,
    },
    /// The markers are written: the offsets become visible, or are forgotten.
    TransactionDone {
        id: String,
        changed_ms: i64,
    },
    TransactionDeleted {
        id: String,
    },
}

/// The sum of all entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) topics: BTreeMap<String, TopicRecord>,
    pub(crate) groups: BTreeMap<String, BTreeMap<TopicPartition, Committed>>,
    pub(crate) transactions: BTreeMap<String, TxnRecord>,
    pub(crate) next_producer_id: i64,
    pub(crate) next_incarnation: u64,
}

impl Ledger {
    /// Takes an entry into account. One that refers to something unknown changes nothing.
    pub(crate) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Topic { name, topic } => {
                self.next_incarnation = self.next_incarnation.max(topic.incarnation + 1);
                self.topics.insert(name, topic);
            }
            Entry::TopicDeleted { name } => {
                self.topics.remove(&name);
                for offsets in self.groups.values_mut() {
                    offsets.retain(|(topic, _), _| *topic != name);
                }
                self.groups.retain(|_, offsets| !offsets.is_empty());
                // A new topic of that name must not inherit what a transaction commits later.
                for transaction in self.transactions.values_mut() {
                    transaction.partitions.retain(|(topic, _)| *topic != name);
                    for offsets in transaction.offsets.values_mut() {
                        offsets.retain(|((topic, _), _)| *topic != name);
                    }
                }
            }
            Entry::LogStart {
                name,
                partition,
                offset,
            } => {
                if let Some(topic) = self.topics.get_mut(&name) {
                    topic.starts.insert(partition, offset);
                }
            }
            Entry::Offsets { group, offsets } => self.groups.entry(group).or_default().extend(offsets),
            Entry::OffsetsDeleted { group, partitions } => {
                if let Some(offsets) = self.groups.get_mut(&group) {
                    offsets.retain(|partition, _| !partitions.contains(partition));
                    if offsets.is_empty() {
                        self.groups.remove(&group);
                    }
                }
            }
            Entry::GroupDeleted { group } => {
                self.groups.remove(&group);
            }
            Entry::ProducerIds { next } => self.next_producer_id = self.next_producer_id.max(next),
            Entry::Incarnations { next } => self.next_incarnation = self.next_incarnation.max(next),
            Entry::Transaction { id, record } => {
                self.transactions.insert(id, record);
            }
            Entry::TransactionGrew {
                id,
                changed_ms,
                partitions,
                groups,
            } => {
                if let Some(record) = self.transactions.get_mut(&id) {
                    record.changed_ms = changed_ms;
                    record.partitions.extend(partitions);
                    record.groups.extend(groups);
                }
            }
            Entry::TransactionOffsets { id, group, offsets } => {
                if let Some(record) = self.transactions.get_mut(&id) {
                    record.offsets.entry(group).or_default().extend(offsets);
                }
            }
            Entry::TransactionDone { id, changed_ms } => self.finish(&id, changed_ms),
            Entry::TransactionDeleted { id } => {
                self.transactions.remove(&id);
            }
        }
    }

    /// Refuses offsets for partitions that there are not (any more).
    pub(crate) fn check_partitions(&self, offsets: &[(TopicPartition, Committed)]) -> Result<(), Fault> {
        let missing = offsets
            .iter()
            .map(|(partition, _)| partition)
            .find(|(name, index)| {
                let topic = self.topics.get(name);
                topic.is_none_or(|topic| !(0..topic.partitions).contains(index))
            });
        match missing {
            None => Ok(()),
            Some((name, index)) => Err(Fault::new(
                ResponseError::UnknownTopicOrPartition,
                format!("no partition {name}-{index}"),
            )),
        }
    }

    fn finish(&mut self, id: &str, changed_ms: i64) {
        let Some(record) = self.transactions.get_mut(id) else {
            return;
        };
        let offsets = std::mem::take(&mut record.offsets);
        record.partitions.clear();
        record.groups.clear();
        record.changed_ms = changed_ms;
        if record.state != TxnState::PrepareCommit {
            record.state = TxnState::CompleteAbort;
            return;
        }
        record.state = TxnState::CompleteCommit;
        for (group, offsets) in offsets.into_iter().filter(|(_, offsets)| !offsets.is_empty()) {
            self.groups.entry(group).or_default().extend(offsets);
        }
    }

    /// The entries that make this ledger from an empty one.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        let numbers = [
            Entry::ProducerIds {
                next: self.next_producer_id,
            },
            Entry::Incarnations {
                next: self.next_incarnation,
            },
        ];
        let topics = self.topics.iter().map(|(name, topic)| Entry::Topic {
            name: name.clone(),
            topic: topic.clone(),
        });
        let groups = self.groups.iter().map(|(group, offsets)| Entry::Offsets {
            group: group.clone(),
            offsets: offsets
                .iter()
                .map(|(partition, offset)| (partition.clone(), offset.clone()))
                .collect(),
        });
        let transactions = self.transactions.iter().map(|(id, record)| Entry::Transaction {
            id: id.clone(),
            record: record.clone(),
        });
        numbers
            .into_iter()
            .chain(topics)
            .chain(groups)
            .chain(transactions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(offset: i64) -> Committed {
        Committed {
            offset,
            leader_epoch: 0,
            metadata: String::new(),
            at_ms: 1,
        }
    }

    fn topic(incarnation: u64) -> Entry {
        let topic = TopicRecord {
            incarnation,
            partitions: 1,
            configs: BTreeMap::new(),
            starts: BTreeMap::new(),
        };
        Entry::Topic {
            name: "t".into(),
            topic,
        }
    }

    #[test]
    fn a_new_topic_inherits_no_offsets_from_a_transaction_that_commits_later() {
        let record = |state| TxnRecord {
            producer_id: 1,
            epoch: 0,
            previous: None,
            timeout_ms: 1_000,
            state,
            started_ms: 1,
            changed_ms: 1,
            partitions: BTreeSet::from([("t".to_owned(), 0)]),
            groups: BTreeSet::from(["g".to_owned()]),
            offsets: BTreeMap::new(),
        };
        let mut ledger = Ledger::default();
        ledger.apply(topic(0));
        ledger.apply(Entry::Transaction {
            id: "id".into(),
            record: record(TxnState::PrepareCommit),
        });
        let offsets = vec![(("t".to_owned(), 0), committed(5))];
        assert!(ledger.check_partitions(&offsets).is_ok());
        ledger.apply(Entry::TransactionOffsets {
            id: "id".into(),
            group: "g".into(),
            offsets: offsets.clone(),
        });
        ledger.apply(Entry::TopicDeleted { name: "t".into() });
        assert!(ledger.check_partitions(&offsets).is_err());
        ledger.apply(topic(1));
        ledger.apply(Entry::TransactionDone {
            id: "id".into(),
            changed_ms: 2,
        });
        assert!(ledger.groups.values().all(BTreeMap::is_empty));
    }
}
