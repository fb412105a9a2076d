//! The broker's answers to the records of one transaction.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};

use super::{Receipt, Transaction};
use crate::auth::Auth;
use crate::context::Context;

/// Bits of a tag that tell the transaction; the rest is the record's place in it.
const GENERATION_BITS: u32 = 16;

/// A record that was not taken.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) index: usize,
    pub(super) code: RDKafkaErrorCode,
    pub(super) reason: String,
}

impl Failure {
    /// Whether the record was only thrown out because of another: after the transaction had failed, or with its batch.
    pub(super) fn is_consequence(&self) -> bool {
        use RDKafkaErrorCode as Code;
        matches!(
            self.code,
            Code::PurgeQueue | Code::PurgeInflight | Code::InvalidDifferentRecord
        )
    }
}

/// The producer's context: collects partition and offset of each record by its place in the transaction.
pub(super) struct Deliveries {
    client: Context,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts transactions, so that a late answer to a record of an aborted one is told from those of the next.
    generation: u32,
    placed: Vec<Option<(i32, i64)>>,
    failure: Option<Failure>,
}

impl Deliveries {
    pub(super) fn new(auth: Auth) -> Self {
        Self {
            client: Context::at_rest("sink", auth),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the transaction before and makes room for the next.
    pub(super) fn begin(&self, records: usize) {
        let mut state = self.state();
        let generation = state.generation.wrapping_add(1);
        *state = State {
            generation,
            placed: vec![None; records],
            failure: None,
        };
    }

    /// The tag that the delivery of this record will carry.
    pub(super) fn tag(&self, index: usize) -> usize {
        (index << GENERATION_BITS) | (self.state().generation as usize % (1 << GENERATION_BITS))
    }

    /// The first record that was not taken.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.state().failure.clone()
    }

    /// Where the records of the transaction ended up.
    pub(super) fn receipt(&self, transaction: &Transaction) -> Receipt {
        self.client.is_back();
        let state = self.state();
        let mut ends = BTreeMap::new();
        for (record, placed) in transaction.records.iter().zip(&state.placed) {
            if let Some((partition, offset)) = *placed {
                let end = ends.entry((record.topic.clone(), partition)).or_insert(0);
                *end = (offset + 1).max(*end);
            }
        }
        Receipt { ends }
    }

    /// The broker keeps a transaction waiting.
    pub(super) fn waits(&self) {
        self.client.went_down(&self.why_it_waits());
    }

    /// What is known of why the broker keeps a transaction waiting. librdkafka does not tell what it tries again.
    pub(super) fn why_it_waits(&self) -> String {
        self.last_error().unwrap_or_else(|| {
            "it is connected and does not acknowledge: its disk may be full, or replicas are away".to_owned()
        })
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.client.last_error()
    }
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.client.generate_oauth_token(config)
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.client.stats_raw(statistics);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let mut state = self.state();
        let (index, generation) = (tag >> GENERATION_BITS, tag % (1 << GENERATION_BITS));
        if generation != state.generation as usize % (1 << GENERATION_BITS) {
            return;
        }
        match result {
            Ok(message) => {
                // Below zero: a repeated record whose first acknowledgement was lost.
                if message.offset() >= 0
                    && let Some(place) = state.placed.get_mut(index)
                {
                    *place = Some((message.partition(), message.offset()));
                }
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                let failure = Failure {
                    index,
                    code,
                    reason: code.to_string(),
                };
                let first = state.failure.as_ref();
                if first.is_none_or(|first| first.is_consequence() && !failure.is_consequence()) {
                    state.failure = Some(failure);
                }
            }
        }
    }
}
