//! Results, rejects, progress and offsets in one Kafka transaction.

mod deliveries;
mod error;
mod fault;
mod group;
mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};
use rdkafka::{Offset, TopicPartitionList};

use self::deliveries::{Deliveries, Failure};
pub use self::error::SinkError;
use self::fault::Fault;
use self::parts::Parts;
use crate::connection::{Connection, ConnectionError};

/// Who the sink is and how long it may wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkOptions {
    /// The job's one transactional id: connecting with it fences whoever used it before.
    pub transactional_id: String,
    /// After this time the broker aborts a transaction that is still open, and a [`Sink::commit`] gives up. At most the
    /// broker's `transaction.max.timeout.ms` (15 minutes unless set otherwise).
    pub transaction_timeout: Duration,
    /// The consumer group whose offsets are committed in the transaction. Nobody joins it.
    pub group_id: String,
    /// How long [`Sink::connect`] waits for the broker before it says [`SinkError::Unavailable`].
    pub connect_timeout: Duration,
}

impl SinkOptions {
    /// A transaction may take a minute, connecting half of one.
    pub fn new(transactional_id: impl Into<String>, group_id: impl Into<String>) -> Self {
        Self {
            transactional_id: transactional_id.into(),
            transaction_timeout: Duration::from_secs(60),
            group_id: group_id.into(),
            connect_timeout: Duration::from_secs(30),
        }
    }
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic; it must exist.
    pub topic: Arc<str>,
    /// The partition; `None` lets the key decide.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<(&'static str, Vec<u8>)>,
}

/// What is committed together, or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The records, written in this order within a partition.
    pub records: Vec<Outgoing>,
    /// Topic, partition and the next offset to be read.
    pub offsets: Vec<(Arc<str>, i32, i64)>,
}

/// A transaction was committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// For each partition written to: the offset of its last record + 1. A partition is missing if the broker
    /// acknowledged a repeated record without saying where it lies; a position from before is safe, only older.
    pub ends: BTreeMap<(Arc<str>, i32), i64>,
}

/// Writes transactions, one after the other; blocks, so it belongs on a thread of its own.
///
/// After [`SinkError::Rejected`] and [`SinkError::Unavailable`] from [`commit`](Self::commit) the sink may be used
/// again, unless it could not even abort: then each further call says so. After `Fenced` and `Fatal` each further call
/// says the same again. Connecting anew is safe after any error but `Fenced`, which it would turn against another process.
pub struct Sink {
    producer: BaseProducer<Deliveries>,
    group: ConsumerGroupMetadata,
    options: SinkOptions,
    /// What each further call answers, once this sink is of no more use.
    dead: Option<SinkError>,
    /// The broker refused a batch. librdkafka counts its sequence numbers on as if it had been taken, so the next
    /// transaction is bound to fail, and its abort puts client and broker into step again.
    out_of_step: bool,
}

/// The most that an abort may take. One that fails is no loss: connecting anew aborts what is open.
const ABORT: Duration = Duration::from_secs(5);
/// After this time a wait for the broker is worth a line in the log.
const LONG: Duration = Duration::from_secs(2);
/// How long a connection to a broker that is there takes, amply.
const CONNECTION: Duration = Duration::from_millis(200);
/// The longest pause between two looks at the deliveries, and the shortest: each costs a wake-up, and is added to the
/// time of a commit.
const POLL: Duration = Duration::from_millis(1);
const FIRST_POLL: Duration = Duration::from_micros(50);

impl Sink {
    /// Connects and fences whoever ran before under the same transactional id: once this returns, a transaction of
    /// theirs is either committed or aborted, and nothing of theirs can follow. Read progress only after it.
    ///
    /// # Errors
    /// [`SinkError::Unavailable`] after `connect_timeout` (try again), [`SinkError::Fatal`] for wrong settings or missing rights.
    pub fn connect(connection: &Connection, options: SinkOptions) -> Result<Sink, SinkError> {
        let mut config = connection.config(&[
            ("linger.ms", "0"),
            // What is too large is the broker's to say: its limit is the topic's.
            ("message.max.bytes", "1000000000"),
            ("retry.backoff.ms", "20"),
            ("topic.metadata.refresh.interval.ms", "60000"),
        ])?;
        let timeout_ms = options.transaction_timeout.as_millis().to_string();
        config
            .set("transactional.id", &options.transactional_id)
            .set("transaction.timeout.ms", timeout_ms)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("allow.auto.create.topics", "false");
        let producer: BaseProducer<Deliveries> = config
            .create_with_context(Deliveries::new(connection.auth))
            .map_err(ConnectionError::from_kafka)?;
        connection.auth.introduce(producer.client());
        let group = group::metadata(&options.group_id)?;
        let sink = Sink {
            producer,
            group,
            options,
            dead: None,
            out_of_step: false,
        };
        let patience = sink.options.connect_timeout;
        sink.while_serving(|producer| {
            // librdkafka asks for its producer id at once and, finding no connection yet, half a second later: so it
            // gets a moment to connect first. Whether it did shows in the call that follows.
            let _ = producer.client().fetch_cluster_id(CONNECTION.min(patience / 2));
            producer.init_transactions(patience)
        })
        .map_err(|error| sink.connect_error(error))?;
        Ok(sink)
    }

    /// Heeds what librdkafka asks for between two commits: a token in place of one that is about to end. A sink at rest that
    /// is not served so every second or so finds itself signed out.
    pub fn serve(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Writes the records and the offsets in one transaction and returns when it is committed.
    ///
    /// # Errors
    /// See [`SinkError`]: each kind says whether something was committed and what to do.
    pub fn commit(&mut self, transaction: &Transaction) -> Result<Receipt, SinkError> {
        self.commit_with(transaction, || ())
    }

    /// As [`commit`](Self::commit); calls `acknowledged` when all records are acknowledged and only the commit itself is
    /// left, which is where a test of crashes wants to be. It may be called again when a commit is tried again.
    ///
    /// # Errors
    /// As `commit`.
    pub fn commit_with(
        &mut self,
        transaction: &Transaction,
        mut acknowledged: impl FnMut(),
    ) -> Result<Receipt, SinkError> {
        let records = &transaction.records;
        let mut parts = Parts::whole(records.len());
        loop {
            let out_of_step = std::mem::take(&mut self.out_of_step);
            let fault = match self.attempt(transaction, &parts, &mut acknowledged) {
                Ok(receipt) => return Ok(receipt),
                Err(fault) => fault,
            };
            match fault {
                Fault::Refused(ref failure, cause) => {
                    self.out_of_step = true;
                    if parts.split(records, failure.index, cause) && self.dead.is_none() {
                        continue;
                    }
                }
                Fault::Sink(SinkError::Unavailable(_)) if out_of_step && self.dead.is_none() => continue,
                Fault::Sink(_) => {}
            }
            return Err(fault.public(transaction));
        }
    }

    fn attempt(
        &mut self,
        transaction: &Transaction,
        parts: &Parts,
        acknowledged: &mut dyn FnMut(),
    ) -> Result<Receipt, Fault> {
        if let Some(error) = &self.dead {
            return Err(error.clone().into());
        }
        let deadline = Instant::now() + self.options.transaction_timeout;
        self.producer.context().begin(transaction.records.len());
        let prepared = self.prepare(transaction, parts, deadline);
        if let Err(fault) = prepared {
            return Err(self.give_up(fault).0);
        }
        acknowledged();
        // However late it is, the broker may have its say: whether it has ended the transaction, for one.
        let answered_by = deadline.max(Instant::now() + LONG);
        match self.patiently(answered_by, |wait| self.producer.commit_transaction(wait)) {
            Ok(()) => Ok(self.producer.context().receipt(transaction)),
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                match self.give_up(SinkError::Unavailable(error.string()).into()) {
                    // The commit may have been sent before it failed, and nothing has undone it.
                    (Fault::Sink(SinkError::Unavailable(reason)), Abort::Failed) => {
                        Err(SinkError::OutcomeUnknown(reason).into())
                    }
                    (fault, _) => Err(fault),
                }
            }
            Err(KafkaError::Flush(code)) => {
                let reason = format!("not all was acknowledged: {code}");
                Err(self.give_up(SinkError::Unavailable(reason).into()).0)
            }
            Err(error) => {
                let known = SinkError::from_transaction(&error, &self.detail(&error));
                Err(match known {
                    SinkError::Unavailable(reason) => {
                        self.dead = Some(no_use());
                        SinkError::OutcomeUnknown(reason)
                    }
                    last => {
                        self.dead = Some(last.clone());
                        last
                    }
                }
                .into())
            }
        }
    }

    /// Everything but the last step: all records acknowledged, the offsets accepted.
    fn prepare(&self, transaction: &Transaction, parts: &Parts, deadline: Instant) -> Result<(), Fault> {
        self.producer
            .begin_transaction()
            .map_err(|error| self.fault(error))?;
        for part in parts.ranges() {
            let last = part.end == transaction.records.len();
            for index in part {
                self.send(index, &transaction.records[index], deadline)?;
            }
            if !last {
                self.drain(deadline)?;
            }
        }
        if !transaction.offsets.is_empty() {
            self.send_offsets(&transaction.offsets, deadline)?;
        }
        self.drain(deadline)
    }

    fn send(&self, index: usize, record: &Outgoing, deadline: Instant) -> Result<(), Fault> {
        let mut outgoing: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(&record.topic, self.producer.context().tag(index));
        outgoing.partition = record.partition;
        outgoing.key = record.key.as_deref();
        outgoing.payload = record.value.as_deref();
        if !record.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(record.headers.len());
            let add = |headers: OwnedHeaders, (key, value): &(&'static str, Vec<u8>)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            };
            outgoing.headers = Some(record.headers.iter().fold(headers, add));
        }
        loop {
            let (error, back) = match self.producer.send(outgoing) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => {
                    if let Some(failure) = self.producer.context().failure() {
                        return Err(self.delivery_fault(failure));
                    }
                    if Instant::now() >= deadline {
                        return Err(self.timed_out());
                    }
                    self.producer.poll(POLL);
                    outgoing = back;
                }
                // The transaction failed while this record waited for its turn.
                Some(RDKafkaErrorCode::State) => return Err(self.cause(error, deadline)),
                Some(code) => {
                    let reason = code.to_string();
                    return Err(self.delivery_fault(Failure { index, code, reason }));
                }
                None => return Err(self.fault(error)),
            }
        }
    }

    /// Waits until every record is acknowledged or refused. (`commit_transaction` would wait too, in steps of 100 ms.)
    fn drain(&self, deadline: Instant) -> Result<(), Fault> {
        let started = Instant::now();
        loop {
            let failure = self.producer.context().failure();
            let all_answered = self.producer.in_flight_count() == 0;
            match failure {
                // The cause may be among the answers still to come.
                Some(failure) if all_answered || !failure.is_consequence() => {
                    return Err(self.delivery_fault(failure));
                }
                None if all_answered => return Ok(()),
                _ => {}
            }
            if Instant::now() >= deadline {
                return Err(self.timed_out());
            }
            if started.elapsed() > LONG {
                self.producer.context().waits();
            }
            let before = self.producer.in_flight_count();
            self.producer.poll(Duration::ZERO);
            if before > 0 && self.producer.in_flight_count() == before {
                // In step with the wait: an eighth longer than it must be. (`poll` would use all the time it is given.)
                std::thread::sleep((started.elapsed() / 8).clamp(FIRST_POLL, POLL));
            }
        }
    }

    fn send_offsets(&self, offsets: &[(Arc<str>, i32, i64)], deadline: Instant) -> Result<(), Fault> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (topic, partition, offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
                .map_err(|error| SinkError::Fatal(format!("offset {offset}: {error}")))?;
        }
        let sent = self.patiently(deadline, |wait| {
            self.producer
                .send_offsets_to_transaction(&list, &self.group, wait)
        });
        sent.map_err(|error| self.cause(error, deadline))
    }

    /// A record that was refused may be the cause, and the error of a call only its consequence.
    fn cause(&self, error: KafkaError, deadline: Instant) -> Fault {
        let settle = (Instant::now() + ABORT).min(deadline);
        self.drain(settle).err().unwrap_or_else(|| self.fault(error))
    }

    /// Repeats a call that may be repeated until the deadline, and says so in the log when it takes long.
    fn patiently(
        &self,
        deadline: Instant,
        call: impl Fn(Duration) -> Result<(), KafkaError>,
    ) -> Result<(), KafkaError> {
        loop {
            let remaining = deadline.saturating_duration_since(Instant::now());
            match call(remaining.clamp(POLL, LONG)) {
                Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < deadline => {
                    self.producer.context().waits();
                }
                other => return other,
            }
            self.producer.poll(POLL);
        }
    }

    /// Aborts, and passes the fault on; where that cannot be done the sink is of no further use.
    fn give_up(&mut self, fault: Fault) -> (Fault, Abort) {
        if let Fault::Sink(error @ (SinkError::Fenced(_) | SinkError::Fatal(_))) = &fault {
            self.dead = Some(error.clone());
            return (fault, Abort::Failed);
        }
        let Err(error) = self.while_serving(|producer| producer.abort_transaction(ABORT)) else {
            return (fault, Abort::Done);
        };
        match SinkError::from_transaction(&error, &self.detail(&error)) {
            fenced @ SinkError::Fenced(_) => {
                self.dead = Some(fenced.clone());
                (fenced.into(), Abort::Failed)
            }
            _ => {
                self.dead = Some(no_use());
                (fault, Abort::Failed)
            }
        }
    }

    /// Runs a blocking call while another thread serves the deliveries it may wait for.
    fn while_serving<R>(&self, call: impl FnOnce(&BaseProducer<Deliveries>) -> R) -> R {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    self.producer.poll(Duration::from_millis(2));
                }
            });
            let result = call(&self.producer);
            done.store(true, Ordering::Release);
            result
        })
    }

    fn delivery_fault(&self, failure: Failure) -> Fault {
        Fault::of_delivery(failure, self.producer.client().fatal_error())
    }

    fn fault(&self, error: KafkaError) -> Fault {
        SinkError::from_transaction(&error, &self.detail(&error)).into()
    }

    fn timed_out(&self) -> Fault {
        let seconds = self.options.transaction_timeout.as_secs_f64();
        let why = self.producer.context().why_it_waits();
        SinkError::Unavailable(format!("not acknowledged within {seconds} s: {why}")).into()
    }

    /// The error's text with what the client knows of the cause.
    fn detail(&self, error: &KafkaError) -> String {
        let text = match error {
            KafkaError::Transaction(error) => error.string(),
            other => other.to_string(),
        };
        match self.producer.context().last_error() {
            Some(last) if !text.contains(&last) => format!("{text} (last error of the connection: {last})"),
            _ => text,
        }
    }

    fn connect_error(&self, error: KafkaError) -> SinkError {
        SinkError::from_transaction(&error, &self.detail(&error))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Abort {
    Done,
    Failed,
}

/// The answer of a sink whose transaction may still be open.
fn no_use() -> SinkError {
    SinkError::Unavailable("this sink failed before and could not abort; connect a new one".to_owned())
}

impl Drop for Sink {
    fn drop(&mut self) {
        // What is still queued belongs to a transaction that nobody will commit.
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }
}
