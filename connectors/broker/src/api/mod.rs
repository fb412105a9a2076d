//! Which request is answered by what.

mod cluster;
mod configs;
mod describe;
mod fetch;
mod groups;
mod list_offsets;
mod offsets;
mod produce;
mod topics;
mod transactions;

use std::collections::HashSet;
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::node::Node;
use crate::wire::{self, Answer, Head, WireError};

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// A request on its way: who asks whom, in which version.
struct Call {
    node: Arc<Node>,
    caller: Caller,
    head: Head,
}

impl Call {
    /// Decodes the body, asks `work` for the response and encodes it.
    async fn with<Q: Decodable, R: Encodable>(
        &self,
        body: Bytes,
        work: impl AsyncFnOnce(&Call, Q) -> R,
    ) -> Result<Option<Answer>, WireError> {
        self.try_with(body, async |call: &Call, request| Ok(work(call, request).await))
            .await
    }

    /// The same for work that may die; the connection is closed then, for there is no answer that is true.
    async fn try_with<Q: Decodable, R: Encodable>(
        &self,
        body: Bytes,
        work: impl AsyncFnOnce(&Call, Q) -> Result<R, WireError>,
    ) -> Result<Option<Answer>, WireError> {
        let request = wire::read_body(&self.head, body)?;
        let response = work(self, request).await?;
        wire::answer(&self.head, &response).map(Some)
    }

    /// Does work that blocks on files or on the journal.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Node) -> T + Send + 'static,
    ) -> Result<T, WireError> {
        let done = self.node.on_disk(work).await;
        done.map_err(|fault| WireError::Answer(fault.to_string()))
    }

    /// The host and port that clients are told to connect to.
    fn advertised(&self) -> (StrBytes, i32) {
        match &self.node.config.advertised {
            Some((host, port)) => (text(host), i32::from(*port)),
            None => (
                text(&self.caller.local.ip().to_string()),
                i32::from(self.caller.local.port()),
            ),
        }
    }
}

/// Answers a request; `None` when it wants no answer.
pub(crate) async fn answer(
    node: Arc<Node>,
    caller: Caller,
    mut frame: Bytes,
) -> Result<Option<Answer>, WireError> {
    let (head, api) = wire::read_head(&mut frame)?;
    if !head.unserved && !api.fits(&frame, head.version) {
        return Err(WireError::Body {
            key: head.key,
            version: head.version,
        });
    }
    let key = head.key;
    let call = Call { node, caller, head };
    match key {
        ApiKey::Produce => produce::answer(&call, frame).await,
        ApiKey::Fetch => fetch::answer(&call, frame).await.map(Some),
        ApiKey::ListOffsets => call.try_with(frame, list_offsets::list_offsets).await,
        ApiKey::OffsetForLeaderEpoch => call.try_with(frame, list_offsets::epoch_end).await,
        ApiKey::Metadata => call.with(frame, cluster::metadata).await,
        ApiKey::ApiVersions => cluster::api_versions(&call).map(Some),
        ApiKey::DescribeCluster => call.with(frame, cluster::describe_cluster).await,
        ApiKey::FindCoordinator => call.with(frame, cluster::find_coordinator).await,
        ApiKey::OffsetCommit => call.with(frame, offsets::commit).await,
        ApiKey::OffsetFetch => call.try_with(frame, offsets::fetch).await,
        ApiKey::OffsetDelete => call.try_with(frame, offsets::delete).await,
        ApiKey::JoinGroup => call.with(frame, groups::join).await,
        ApiKey::SyncGroup => call.with(frame, groups::sync).await,
        ApiKey::Heartbeat => call.with(frame, groups::heartbeat).await,
        ApiKey::LeaveGroup => call.with(frame, groups::leave).await,
        ApiKey::DescribeGroups => call.try_with(frame, describe::groups).await,
        ApiKey::ListGroups => call.try_with(frame, describe::list_groups).await,
        ApiKey::DeleteGroups => call.try_with(frame, describe::delete_groups).await,
        ApiKey::DescribeProducers => call.try_with(frame, describe::producers).await,
        ApiKey::DescribeTransactions => call.try_with(frame, describe::transactions).await,
        ApiKey::ListTransactions => call.try_with(frame, describe::list_transactions).await,
        ApiKey::CreateTopics => call.try_with(frame, topics::create).await,
        ApiKey::DeleteTopics => call.try_with(frame, topics::delete).await,
        ApiKey::CreatePartitions => call.try_with(frame, topics::grow).await,
        ApiKey::DeleteRecords => call.try_with(frame, topics::delete_records).await,
        ApiKey::DescribeConfigs => call.try_with(frame, configs::describe).await,
        ApiKey::AlterConfigs => call.try_with(frame, configs::alter).await,
        ApiKey::IncrementalAlterConfigs => call.try_with(frame, configs::alter_incrementally).await,
        ApiKey::InitProducerId => call.with(frame, transactions::init_producer_id).await,
        ApiKey::AddPartitionsToTxn => call.with(frame, transactions::add_partitions).await,
        ApiKey::AddOffsetsToTxn => call.with(frame, transactions::add_offsets).await,
        ApiKey::TxnOffsetCommit => call.with(frame, transactions::commit_offsets).await,
        ApiKey::EndTxn => call.with(frame, transactions::end).await,
        _ => Err(WireError::UnknownApi(key as i16)),
    }
}

/// Each key the first time that it is named: a small request must not be answered with one large thing again
/// and again.
fn once<T, K: Eq + Hash>(mut items: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut seen = HashSet::with_capacity(items.len());
    items.retain(|item| seen.insert(key(item)));
    items
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}
