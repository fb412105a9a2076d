//! A member of a consumer group.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{Join, Joined, Synced};

/// A member, from its first join until it leaves or falls silent.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    /// Name of a static member (`group.instance.id`).
    pub(crate) instance: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    /// Assignment protocols in the order of preference, each with the member's subscription.
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) assignment: Bytes,
    /// It waits for the others to join.
    pub(crate) joining: Option<oneshot::Sender<Joined>>,
    /// It waits for the leader's assignment.
    pub(crate) syncing: Option<oneshot::Sender<Synced>>,
    /// Without a sign of life by then it is removed.
    pub(crate) deadline: Instant,
}

impl Member {
    /// A member that waits for the answer to its join.
    pub(crate) fn new(id: String, join: Join, now: Instant) -> (Self, oneshot::Receiver<Joined>) {
        let milliseconds = |ms: i32| Duration::from_millis(ms.max(0) as u64);
        let session_timeout = milliseconds(join.session_timeout_ms);
        let (answer, receiver) = oneshot::channel();
        let member = Self {
            id,
            instance: join.instance,
            client_id: join.client_id,
            client_host: join.client_host,
            session_timeout,
            rebalance_timeout: milliseconds(join.rebalance_timeout_ms).max(session_timeout),
            protocols: join.protocols,
            assignment: Bytes::new(),
            joining: Some(answer),
            syncing: None,
            deadline: now + session_timeout,
        };
        (member, receiver)
    }

    /// Whether a request of the member is waiting for an answer, and its connection still stands.
    pub(crate) fn waits(&self) -> bool {
        self.joining.as_ref().is_some_and(|answer| !answer.is_closed())
            || self.syncing.as_ref().is_some_and(|answer| !answer.is_closed())
    }

    /// Notes a sign of life.
    pub(crate) fn seen(&mut self, now: Instant) {
        self.deadline = now + self.session_timeout;
    }

    /// Its subscription under a protocol.
    pub(crate) fn subscription(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, data)| data.clone())
            .unwrap_or_default()
    }
}
