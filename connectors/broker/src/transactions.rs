//! The transaction coordinator: producer ids, epochs that fence, transactions and their end.
//!
//! A decision is journalled ("prepare") before the first marker is written, so that a broker that dies in
//! between finishes at its next start what it has decided.

mod tending;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard};

use kafka_protocol::ResponseError;

use crate::config::Config;
use crate::fault::Fault;
use crate::journal::Journal;
use crate::ledger::{Committed, Entry, TopicPartition, TxnRecord, TxnState};
use crate::locked::{locked, now_ms};
use crate::log::batch::Marker;
use crate::topics::Topics;

/// Producer ids are taken from the journal in blocks of that many.
const ID_BLOCK: i64 = 1_000;
/// Transactional ids that can be worked on at a time, at most.
const LOCKS: usize = 256;

/// A producer's id and the number of its incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

/// All transactional ids. The methods block on files.
#[derive(Debug)]
pub(crate) struct Transactions {
    journal: Arc<Journal>,
    topics: Arc<Topics>,
    config: Arc<Config>,
    /// The requests and appends of a transactional id come one at a time. An id always has the same lock, which
    /// others may share.
    locks: [Mutex<()>; LOCKS],
    hasher: RandomState,
    /// Next producer id and the end of the block.
    ids: Mutex<(i64, i64)>,
}

impl Transactions {
    pub(crate) fn new(journal: Arc<Journal>, topics: Arc<Topics>, config: Arc<Config>) -> Self {
        Self {
            journal,
            topics,
            config,
            locks: [const { Mutex::new(()) }; LOCKS],
            hasher: RandomState::new(),
            ids: Mutex::new((0, 0)),
        }
    }

    fn lock_of(&self, id: &str) -> MutexGuard<'_, ()> {
        locked(&self.locks[self.hasher.hash_one(id) as usize % LOCKS])
    }

    fn record(&self, id: &str) -> Option<TxnRecord> {
        self.journal.read(|ledger| ledger.transactions.get(id).cloned())
    }

    fn save(&self, id: &str, record: TxnRecord) -> Result<(), Fault> {
        self.journal.write(vec![Entry::Transaction {
            id: id.to_owned(),
            record,
        }])
    }

    fn new_producer_id(&self) -> Result<i64, Fault> {
        let mut ids = locked(&self.ids);
        if ids.0 == ids.1 {
            let first = self.journal.decide(|ledger| {
                let first = ledger.next_producer_id;
                Ok((
                    vec![Entry::ProducerIds {
                        next: first + ID_BLOCK,
                    }],
                    first,
                ))
            })?;
            *ids = (first, first + ID_BLOCK);
        }
        ids.0 += 1;
        Ok(ids.0 - 1)
    }

    /// Gives a producer its identity; for a transactional one this fences whoever had the id before, and
    /// rolls back what that one left open.
    pub(crate) fn init(
        &self,
        id: Option<&str>,
        timeout_ms: i32,
        present: Option<Identity>,
    ) -> Result<Identity, Fault> {
        let Some(id) = id else {
            return Ok(Identity {
                producer_id: self.new_producer_id()?,
                epoch: 0,
            });
        };
        if id.is_empty() {
            return Err(Fault::new(
                ResponseError::InvalidRequest,
                "an empty transactional id",
            ));
        }
        let longest = self.config.transaction_max_timeout.as_millis();
        if timeout_ms <= 0 || timeout_ms as u128 > longest {
            let text = format!("transaction time-out {timeout_ms} ms is not within 1..={longest}");
            return Err(Fault::new(ResponseError::InvalidTransactionTimeout, text));
        }
        let _one_at_a_time = self.lock_of(id);
        let Some(record) = self.record(id) else {
            let identity = Identity {
                producer_id: self.new_producer_id()?,
                epoch: 0,
            };
            self.save(id, empty(identity, None, timeout_ms))?;
            return Ok(identity);
        };
        if let Some(present) = present {
            let current = Identity {
                producer_id: record.producer_id,
                epoch: record.epoch,
            };
            if record.previous == Some((present.producer_id, present.epoch))
                && record.state == TxnState::Empty
            {
                return Ok(current);
            }
            if present != current {
                return Err(fenced(present.epoch, record.epoch));
            }
        }
        self.settle(id, record)?;
        let record = self.record(id).ok_or(ResponseError::UnknownServerError)?;
        let next = match record.epoch.checked_add(1) {
            Some(epoch) if epoch < i16::MAX => Identity {
                producer_id: record.producer_id,
                epoch,
            },
            _ => Identity {
                producer_id: self.new_producer_id()?,
                epoch: 0,
            },
        };
        self.save(
            id,
            empty(next, present.map(|p| (p.producer_id, p.epoch)), timeout_ms),
        )?;
        Ok(next)
    }

    /// Brings whatever is open to its end: what was decided is finished, what was not is rolled back.
    fn settle(&self, id: &str, record: TxnRecord) -> Result<(), Fault> {
        match record.state {
            TxnState::Ongoing => self.fence_and_abort(id, record),
            TxnState::PrepareCommit | TxnState::PrepareAbort => self.finish(id),
            TxnState::Empty | TxnState::CompleteCommit | TxnState::CompleteAbort => Ok(()),
        }
    }

    fn fence_and_abort(&self, id: &str, mut record: TxnRecord) -> Result<(), Fault> {
        record.epoch = record.epoch.saturating_add(1);
        record.state = TxnState::PrepareAbort;
        record.changed_ms = now_ms();
        self.save(id, record)?;
        self.finish(id)
    }

    /// Writes the markers of a decided transaction and publishes its offsets. May be run again.
    fn finish(&self, id: &str) -> Result<(), Fault> {
        let Some(record) = self.record(id) else {
            return Ok(());
        };
        let marker = match record.state {
            TxnState::PrepareCommit => Marker::Commit,
            TxnState::PrepareAbort => Marker::Abort,
            _ => return Ok(()),
        };
        for (name, index) in &record.partitions {
            let Ok((topic, partition)) = self.topics.partition(name, *index) else {
                continue;
            };
            match partition.end_transaction(marker, record.producer_id, record.epoch, &topic.settings()) {
                Err(fault) if fault.error != ResponseError::UnknownTopicOrPartition => return Err(fault),
                _ => {}
            }
        }
        self.journal.write(vec![Entry::TransactionDone {
            id: id.to_owned(),
            changed_ms: now_ms(),
        }])
    }

    /// The record of an id, if the caller is its present producer.
    fn owned(&self, id: &str, caller: Identity) -> Result<TxnRecord, Fault> {
        let unknown = || {
            Fault::new(
                ResponseError::InvalidProducerIdMapping,
                format!("no producer for `{id}`"),
            )
        };
        let record = self.record(id).ok_or_else(unknown)?;
        check_owner(&record, caller)?;
        Ok(record)
    }

    /// Adds partitions and groups to the transaction, beginning it if need be. Says when it times out
    /// if it was begun by this.
    pub(crate) fn add(
        &self,
        id: &str,
        caller: Identity,
        partitions: Vec<TopicPartition>,
        groups: Vec<String>,
    ) -> Result<Option<i64>, Fault> {
        let _one_at_a_time = self.lock_of(id);
        let mut record = self.owned(id, caller)?;
        let changed_ms = now_ms();
        match record.state {
            TxnState::PrepareCommit | TxnState::PrepareAbort => {
                Err(ResponseError::ConcurrentTransactions.into())
            }
            TxnState::Ongoing => {
                let known = partitions.iter().all(|p| record.partitions.contains(p))
                    && groups.iter().all(|g| record.groups.contains(g));
                if !known {
                    let entry = Entry::TransactionGrew {
                        id: id.to_owned(),
                        changed_ms,
                        partitions,
                        groups,
                    };
                    self.journal.write(vec![entry])?;
                }
                Ok(None)
            }
            TxnState::Empty | TxnState::CompleteCommit | TxnState::CompleteAbort => {
                record.state = TxnState::Ongoing;
                record.previous = None;
                record.started_ms = changed_ms;
                record.changed_ms = changed_ms;
                record.partitions = partitions.into_iter().collect();
                record.groups = groups.into_iter().collect();
                record.offsets = BTreeMap::new();
                let deadline = changed_ms + i64::from(record.timeout_ms);
                self.save(id, record)?;
                Ok(Some(deadline))
            }
        }
    }

    /// Adds offsets that the commit of the transaction will publish.
    pub(crate) fn add_offsets(
        &self,
        id: &str,
        caller: Identity,
        group: &str,
        offsets: Vec<(TopicPartition, Committed)>,
    ) -> Result<(), Fault> {
        let _one_at_a_time = self.lock_of(id);
        let record = self.owned(id, caller).map_err(|fault| match fault.error {
            // Apache Kafka's group coordinator knows epochs only from its log, and answers so.
            ResponseError::ProducerFenced => Fault::new(ResponseError::InvalidProducerEpoch, fault.text),
            _ => fault,
        })?;
        if record.state != TxnState::Ongoing || !record.groups.contains(group) {
            return Err(Fault::new(
                ResponseError::InvalidTxnState,
                "the group is not part of the transaction",
            ));
        }
        let (id, group) = (id.to_owned(), group.to_owned());
        self.journal.decide(|ledger| {
            ledger.check_partitions(&offsets)?;
            Ok((vec![Entry::TransactionOffsets { id, group, offsets }], ()))
        })
    }

    /// Carries out an append that belongs to a transaction, while nobody else can end it.
    pub(crate) fn while_open<T>(
        &self,
        id: &str,
        caller: Identity,
        partition: &TopicPartition,
        append: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let _one_at_a_time = self.lock_of(id);
        self.journal.read(|ledger| {
            let not_open = |text: &str| Err(Fault::new(ResponseError::InvalidTxnState, text));
            let Some(record) = ledger.transactions.get(id) else {
                return Err(Fault::new(
                    ResponseError::InvalidProducerIdMapping,
                    format!("no producer for `{id}`"),
                ));
            };
            check_owner(record, caller).map_err(|fault| match fault.error {
                ResponseError::ProducerFenced => Fault::new(ResponseError::InvalidProducerEpoch, fault.text),
                _ => fault,
            })?;
            match record.state {
                TxnState::Ongoing if record.partitions.contains(partition) => Ok(()),
                TxnState::Ongoing => not_open("the partition is not part of the transaction"),
                _ => not_open("no transaction is open"),
            }
        })?;
        append()
    }

    /// Commits or rolls back.
    pub(crate) fn end(&self, id: &str, caller: Identity, marker: Marker) -> Result<(), Fault> {
        let _one_at_a_time = self.lock_of(id);
        let mut record = self.owned(id, caller)?;
        let invalid = |text: &str| Err(Fault::new(ResponseError::InvalidTxnState, text));
        match (record.state, marker) {
            (TxnState::Ongoing, _) => {
                record.state = match marker {
                    Marker::Commit => TxnState::PrepareCommit,
                    Marker::Abort => TxnState::PrepareAbort,
                };
                record.changed_ms = now_ms();
                self.save(id, record)?;
                self.finish(id)
            }
            (TxnState::CompleteCommit, Marker::Commit) | (TxnState::CompleteAbort, Marker::Abort) => Ok(()),
            (TxnState::PrepareCommit, Marker::Commit) | (TxnState::PrepareAbort, Marker::Abort) => {
                self.finish(id)
            }
            (TxnState::Empty, _) => invalid("no transaction was begun"),
            _ => invalid("the transaction ended the other way"),
        }
    }

    /// All transactional ids, for descriptions.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, TxnRecord> {
        self.journal.read(|ledger| ledger.transactions.clone())
    }
}

fn empty(identity: Identity, previous: Option<(i64, i16)>, timeout_ms: i32) -> TxnRecord {
    TxnRecord {
        producer_id: identity.producer_id,
        epoch: identity.epoch,
        previous,
        timeout_ms,
        state: TxnState::Empty,
        started_ms: -1,
        changed_ms: now_ms(),
        partitions: BTreeSet::new(),
        groups: BTreeSet::new(),
        offsets: BTreeMap::new(),
    }
}

fn check_owner(record: &TxnRecord, caller: Identity) -> Result<(), Fault> {
    if record.producer_id != caller.producer_id {
        let text = format!("producer id {} is not the present one", caller.producer_id);
        return Err(Fault::new(ResponseError::InvalidProducerIdMapping, text));
    }
    if record.epoch != caller.epoch {
        return Err(fenced(caller.epoch, record.epoch));
    }
    Ok(())
}

fn fenced(theirs: i16, ours: i16) -> Fault {
    let text = format!(
        "producer epoch {theirs} was fenced by {ours}: a newer producer, or a transaction that timed out"
    );
    Fault::new(ResponseError::ProducerFenced, text)
}
