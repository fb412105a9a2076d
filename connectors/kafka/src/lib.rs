//! Kafka for the job: a source that never blocks, a transactional sink, a probe of the end offsets,
//! topics, the tail of a topic, and dead letters.
//!
//! | module | what it is | which thread |
//! |---|---|---|
//! | [`Source`] | manual assignment, batch fetch straight from librdkafka's buffers, wakes its owner | a timely worker; never blocks |
//! | [`Probe`] | asks the end offsets once a period: the proof that a quiet partition is really empty | its own |
//! | [`Follower`] | all of a topic from its beginning, for ever, without a group, through outages | its own |
//! | [`Sink`] | results, rejects, progress and offsets in one transaction | the committer's; blocks |
//! | [`ensure`], [`partitions`], [`offsets`], [`max_message_bytes`], [`topic_setting`] | topics | any; block |
//! | [`read_last`], [`read_range`], [`records_at`] | what a topic holds, committed records only | any; block |
//! | [`Auth`] | how a client shows who it is, where properties cannot say it: Amazon MSK by IAM | any; may block |
//! | [`dead_letter`] | the record for what could not be counted, cut until it fits | any; pure |
//!
//! No offset is ever committed by a consumer: positions live in the sink's transactions.

mod auth;
mod block_on;
mod client;
mod connection;
mod context;
mod dead_letter;
mod follow;
mod listing;
#[cfg(feature = "msk-iam")]
mod msk_iam;
mod patience;
mod plain;
mod probe;
mod queue;
mod records_at;
mod sample;
mod sink;
mod source;
mod tail;
mod topics;

pub use auth::{Auth, UnknownAuth};
pub use connection::{Connection, ConnectionError};
pub use dead_letter::{Reject, dead_letter};
pub use follow::{Followed, Follower};
pub use plain::PlainContext;
pub use probe::{EndAnswer, Probe};
pub use records_at::records_at;
pub use sink::{Outgoing, Receipt, Sink, SinkError, SinkOptions, Transaction};
pub use source::{Read, Record, Source, SourceError, SourceOptions};
pub use tail::{OwnedRecord, TailError, read_last, read_range};
pub use topics::{
    TopicError, TopicSpec, ensure, ensure_unless, max_message_bytes, offsets, partitions, topic_setting,
};
