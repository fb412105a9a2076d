//! The transactional outbox: an event is a row written in the transaction that makes it true, and a relay publishes it.
//!
//! Each event reaches Kafka at least once; its copies are equal to the byte and bear one `ce_id`. Events of one key are
//! published in the sequence of their versions: a batch holds at most one event of a key, the oldest that waits, and one
//! that failed holds back the newer ones of its key. Rows are found by a flag and never by a position, as transactions do
//! not become visible in the sequence of their ids.
//!
//! Pattern: Chris Richardson, "Transactional outbox", microservices.io.

mod batch;
mod event;
mod publisher;
mod relay;
mod shards;

pub use batch::depth;
pub use event::Event;
pub use publisher::Publisher;
pub use relay::{Relay, RelayOptions};

use std::sync::Arc;

use tokio::sync::Notify;

use crate::database::Statement;

/// The schema of the tables, to be a part of the first step of the service's own.
pub const SCHEMA: &str = "
CREATE TABLE outbox_events (
    id TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    record_key TEXT NOT NULL,
    shard BIGINT NOT NULL,
    version BIGINT NOT NULL,
    payload TEXT NOT NULL,
    headers TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    published_at_ms BIGINT
);
CREATE INDEX outbox_events_pending ON outbox_events (created_at_ms, version) WHERE pending = 1;
CREATE INDEX outbox_events_published ON outbox_events (published_at_ms) WHERE pending = 0;
CREATE TABLE outbox_shards (
    shard BIGINT PRIMARY KEY,
    relay TEXT NOT NULL,
    lease_until_ms BIGINT NOT NULL
);
CREATE TABLE outbox_relays (
    relay TEXT PRIMARY KEY,
    alive_until_ms BIGINT NOT NULL
);
";

/// Into how many parts the keys are divided among relays.
pub(crate) const SHARDS: i64 = 16;

/// Writes an event. After the commit, call [`Outbox::wake`].
#[must_use]
pub fn append(event: &Event) -> Statement {
    Statement::new(
        "INSERT INTO outbox_events
         (id, topic, record_key, shard, version, payload, headers, created_at_ms, pending)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
    )
    .bind(&event.id)
    .bind(&event.topic)
    .bind(&event.key)
    .bind(shards::shard_of(&event.key))
    .bind(event.version)
    .bind(&event.payload)
    .bind(event.headers())
    .bind(event.at_ms)
}

/// Wakes the relay of this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    written: Arc<Notify>,
}

impl Outbox {
    /// One that nobody was woken by.
    #[must_use]
    pub fn new() -> Outbox {
        Outbox::default()
    }

    /// Something was written and committed.
    pub fn wake(&self) {
        self.written.notify_one();
    }

    /// Returns when something was written here.
    pub(crate) async fn written(&self) {
        self.written.notified().await;
    }
}
