//! Results, rejects, progress and offsets in one Kafka transaction.

mod deliveries;
mod error;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};
use rdkafka::{Offset, TopicPartitionList};

use self::deliveries::{Deliveries, Failure};
pub use self::error::SinkError;
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
/// again, unless it could not even abort: then each further call says so. Dropping it and connecting anew is safe after any error.
pub struct Sink {
    producer: BaseProducer<Deliveries>,
    group: ConsumerGroupMetadata,
    options: SinkOptions,
    usable: bool,
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
/// How often deliveries are looked at.
const POLL: Duration = Duration::from_millis(1);

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
            .create_with_context(Deliveries::default())
            .map_err(ConnectionError::from_kafka)?;
        let group = group_metadata(&options.group_id)?;
        let sink = Sink {
            producer,
            group,
            options,
            usable: true,
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
        let mut batching = Batching::Free;
        loop {
            let out_of_step = std::mem::take(&mut self.out_of_step);
            match self.attempt(transaction, batching, &mut acknowledged) {
                Ok(receipt) => return Ok(receipt),
                // A batch is refused as a whole, and its size is limited as a whole: find out which record it was.
                Err(Fault::Refused(_)) if batching == Batching::Free && transaction.records.len() > 1 => {
                    self.out_of_step = true;
                    batching = Batching::OneByOne;
                }
                Err(Fault::Sink(SinkError::Unavailable(_))) if out_of_step && self.usable => {}
                Err(fault) => {
                    self.out_of_step = matches!(fault, Fault::Refused(_));
                    return Err(fault.public(transaction));
                }
            }
        }
    }

    fn attempt(
        &mut self,
        transaction: &Transaction,
        batching: Batching,
        acknowledged: &mut dyn FnMut(),
    ) -> Result<Receipt, Fault> {
        if !self.usable {
            let reason = "this sink failed before and could not abort; connect a new one".to_owned();
            return Err(SinkError::Unavailable(reason).into());
        }
        let deadline = Instant::now() + self.options.transaction_timeout;
        self.producer.context().begin(transaction.records.len());
        let prepared = self.prepare(transaction, batching, deadline);
        if let Err(fault) = prepared {
            return Err(self.give_up(fault));
        }
        acknowledged();
        match self.patiently(deadline, |wait| self.producer.commit_transaction(wait)) {
            Ok(()) => Ok(self.producer.context().receipt(transaction)),
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                Err(self.give_up(SinkError::Unavailable(error.string()).into()))
            }
            Err(KafkaError::Flush(code)) => {
                Err(self.give_up(SinkError::Unavailable(format!("not all was acknowledged: {code}")).into()))
            }
            Err(error) => {
                self.usable = false;
                let known = SinkError::from_transaction(&error, &self.detail(&error));
                Err(match known {
                    SinkError::Unavailable(reason) => SinkError::OutcomeUnknown(reason),
                    fatal => fatal,
                }
                .into())
            }
        }
    }

    /// Everything but the last step: all records acknowledged, the offsets accepted.
    fn prepare(&self, transaction: &Transaction, batching: Batching, deadline: Instant) -> Result<(), Fault> {
        self.producer
            .begin_transaction()
            .map_err(|error| self.fault(error))?;
        for (index, record) in transaction.records.iter().enumerate() {
            self.send(index, record, deadline)?;
            if batching == Batching::OneByOne {
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
            self.producer.poll(POLL);
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
        sent.map_err(|error| {
            // A record that was refused may be the cause, and this only its consequence.
            let settle = (Instant::now() + ABORT).min(deadline);
            self.drain(settle).err().unwrap_or_else(|| self.fault(error))
        })
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
    fn give_up(&mut self, fault: Fault) -> Fault {
        let lost = matches!(&fault, Fault::Sink(SinkError::Fenced(_) | SinkError::Fatal(_)));
        if lost {
            self.usable = false;
            return fault;
        }
        match self.while_serving(|producer| producer.abort_transaction(ABORT)) {
            Ok(()) => fault,
            Err(error) => {
                self.usable = false;
                match SinkError::from_transaction(&error, &self.detail(&error)) {
                    fenced @ SinkError::Fenced(_) => fenced.into(),
                    _ => fault,
                }
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
        use RDKafkaErrorCode as Code;
        match failure.code {
            Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::UnsupportedForMessageFormat => Fault::Refused(failure),
            _ if failure.is_consequence() => {
                // The transaction failed before this record went out: the cause is with the client.
                let fatal = self.producer.client().fatal_error();
                match fatal {
                    Some((code, text)) => SinkError::from_code(code, true, text).into(),
                    None => SinkError::Unavailable(failure.reason).into(),
                }
            }
            code => SinkError::from_code(code, false, failure.reason).into(),
        }
    }

    fn fault(&self, error: KafkaError) -> Fault {
        SinkError::from_transaction(&error, &self.detail(&error)).into()
    }

    fn timed_out(&self) -> Fault {
        let seconds = self.options.transaction_timeout.as_secs_f64();
        let last = self.producer.context().last_error().unwrap_or_default();
        SinkError::Unavailable(
            format!("not acknowledged within {seconds} s {last}")
                .trim_end()
                .to_owned(),
        )
        .into()
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

impl Drop for Sink {
    fn drop(&mut self) {
        // What is still queued belongs to a transaction that nobody will commit.
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Batching {
    Free,
    OneByOne,
}

/// Why an attempt failed, before the index is put into its place.
enum Fault {
    /// The broker, or the client for it, will not take this record or its batch.
    Refused(Failure),
    Sink(SinkError),
}

impl From<SinkError> for Fault {
    fn from(error: SinkError) -> Self {
        Self::Sink(error)
    }
}

impl Fault {
    fn public(self, transaction: &Transaction) -> SinkError {
        match self {
            Self::Sink(error) => error,
            Self::Refused(Failure { index, reason, .. }) => {
                let topic = Arc::clone(&transaction.records[index].topic);
                SinkError::Rejected { topic, index, reason }
            }
        }
    }
}

/// The metadata of a group that nobody has joined. librdkafka's wrapper gives it only through a consumer; one without
/// brokers is enough and connects to nothing.
fn group_metadata(group_id: &str) -> Result<ConsumerGroupMetadata, SinkError> {
    let mut config = ClientConfig::new();
    config.set("group.id", group_id);
    let consumer: BaseConsumer<Quiet> = config
        .create_with_context(Quiet)
        .map_err(ConnectionError::from_kafka)?;
    consumer
        .group_metadata()
        .ok_or_else(|| SinkError::Fatal(format!("group id `{group_id}` is not usable")))
}

/// A client that says nothing: having no brokers is not worth a log line.
struct Quiet;

impl rdkafka::ClientContext for Quiet {
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl rdkafka::consumer::ConsumerContext for Quiet {}
