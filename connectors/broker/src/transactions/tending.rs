//! What the coordinator does without being asked: it finishes decisions, rolls back what has timed out, forgets unused ids.

use std::time::Duration;

use super::Transactions;
use crate::fault::Fault;
use crate::ledger::{Entry, TxnState};

/// After this long what could not be finished is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Transactions {
    /// Finishes what was decided before, rolls back what has timed out, forgets unused ids. Returns when it
    /// should be called again, in milliseconds since 1970.
    pub(crate) fn tend(&self, now_ms: i64) -> Option<i64> {
        let expiry = self.config.transactional_id_expiry.as_millis() as i64;
        let due: Vec<(String, Option<i64>)> = self.journal.read(|ledger| {
            let tended = ledger
                .transactions
                .iter()
                .filter_map(|(id, record)| match record.state {
                    TxnState::Ongoing => {
                        Some((id.clone(), Some(record.started_ms + i64::from(record.timeout_ms))))
                    }
                    TxnState::PrepareCommit | TxnState::PrepareAbort => Some((id.clone(), None)),
                    _ if record.changed_ms + expiry < now_ms => Some((id.clone(), None)),
                    _ => None,
                });
            tended.collect()
        });
        let mut next = None;
        for (id, deadline) in due {
            let again = match deadline {
                Some(deadline) if deadline > now_ms => Some(deadline),
                _ => self
                    .tend_one(&id, now_ms, expiry)
                    .err()
                    .map(|_| now_ms + RETRY.as_millis() as i64),
            };
            next = [next, again].into_iter().flatten().min();
        }
        next
    }

    fn tend_one(&self, id: &str, now_ms: i64, expiry: i64) -> Result<(), Fault> {
        let _one_at_a_time = self.lock_of(id);
        let Some(record) = self.record(id) else {
            return Ok(());
        };
        match record.state {
            TxnState::Ongoing if record.started_ms + i64::from(record.timeout_ms) <= now_ms => {
                tracing::info!(
                    transactional_id = id,
                    timeout_ms = record.timeout_ms,
                    "transaction timed out: rolled back"
                );
                self.fence_and_abort(id, record)
            }
            TxnState::PrepareCommit | TxnState::PrepareAbort => self.finish(id),
            TxnState::Ongoing => Ok(()),
            _ if record.changed_ms + expiry < now_ms => self
                .journal
                .write(vec![Entry::TransactionDeleted { id: id.to_owned() }]),
            _ => Ok(()),
        }
    }
}
