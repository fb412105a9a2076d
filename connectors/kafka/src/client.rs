//! The clients of this crate: how they are made, served and let go of.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::connection::{Connection, ConnectionError};
use crate::context::Context;
use crate::queue::events_waiting;

/// A client without a group: it asks, and sees open transactions as written.
pub(crate) fn asker(
    connection: &Connection,
    purpose: &'static str,
) -> Result<BaseConsumer<Context>, ConnectionError> {
    let mut config = connection.config(&[])?;
    config
        .set("allow.auto.create.topics", "false")
        .set("isolation.level", "read_uncommitted");
    let client: BaseConsumer<Context> = config
        .create_with_context(Context::new(purpose, connection.auth))
        .map_err(ConnectionError::from_kafka)?;
    connection.auth.introduce(client.client());
    Ok(client)
}

/// A client that reads committed records from the positions it is given, and tells each partition's end. The group is
/// never joined and never committed to; librdkafka wants one for an assignment.
pub(crate) fn reader(
    connection: &Connection,
    purpose: &'static str,
    group_id: &str,
    defaults: &[(&str, &str)],
) -> Result<LetGo<BaseConsumer<Context>>, ConnectionError> {
    let mut config = connection.config(defaults)?;
    config
        .set("group.id", group_id)
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "error")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("allow.auto.create.topics", "false");
    let client = config.create_with_context(Context::new(purpose, connection.auth));
    client.map(LetGo::new).map_err(ConnectionError::from_kafka)
}

/// A reader that several parts hold.
pub(crate) type SharedClient = Arc<LetGo<BaseConsumer<Context>>>;

/// A client that can be told to say no more of its connection.
pub(crate) trait Silence: Send + 'static {
    fn silence(&self);
}

impl Silence for BaseConsumer<Context> {
    fn silence(&self) {
        self.client().context().silence();
    }
}

impl Silence for AdminClient<Context> {
    fn silence(&self) {
        self.inner().context().silence();
    }
}

/// Lets go of a client without waiting for it: closing one takes up to a tenth of a second. What happens to its
/// connection meanwhile is nobody's concern.
pub(crate) struct LetGo<T: Silence>(Option<T>);

impl<T: Silence> LetGo<T> {
    pub(crate) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Silence> Deref for LetGo<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("the client is taken in drop only")
    }
}

impl<T: Silence> DerefMut for LetGo<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("the client is taken in drop only")
    }
}

impl<T: Silence> Drop for LetGo<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        if let Some(client) = &client {
            client.silence();
        }
        // Without a thread the client goes with the closure, here and now.
        let _ = std::thread::Builder::new()
            .name("kafka-close".into())
            .spawn(move || drop(client));
    }
}

/// Serves all that librdkafka has to say about its connection, for a thread that waits for it anyway: behind a storm of
/// log lines stands why there is no connection.
pub(crate) fn serve_all(consumer: &BaseConsumer<Context>) {
    while serve(consumer) {}
}

/// The most that is served at a time, so that a storm of log lines holds nobody up.
const SERVED_AT_ONCE: usize = 64;

/// Serves what librdkafka has to say about its connection, without waiting; true if there may be more. Otherwise nothing is
/// left: librdkafka wakes its reader by the first event only of a queue that was empty, so what came meanwhile is not left.
pub(crate) fn serve(consumer: &BaseConsumer<Context>) -> bool {
    for _ in 0..SERVED_AT_ONCE {
        if events_waiting(consumer) == 0 {
            return false;
        }
        // The context handles the event; what `poll` returns does not tell whether there was one.
        let _ = consumer.poll(Duration::ZERO);
    }
    true
}
