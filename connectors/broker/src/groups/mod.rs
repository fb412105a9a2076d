//! Consumer groups of the classic protocol: members join, one of them assigns, all sync; eager and cooperative
//! assignors differ only in what the clients write into their subscriptions.

mod coordinator;
mod group;
mod member;

use bytes::Bytes;
use kafka_protocol::ResponseError;

pub(crate) use coordinator::{Commit, Groups, Validity};
pub(crate) use group::{Group, Phase};
pub(crate) use member::Member;

/// A request to join.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) group: String,
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// The client expects to be given a member id before it really joins.
    pub(crate) id_required: bool,
}

/// The answer to a join.
#[derive(Debug, Clone, Default)]
pub(crate) struct Joined {
    pub(crate) error: Option<ResponseError>,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: String,
    pub(crate) member: String,
    /// For the leader: every member with its instance name and subscription.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
}

/// A member that may not join, and the id it was or shall be known by.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) error: ResponseError,
    pub(crate) member: String,
}

impl From<Refused> for Joined {
    fn from(refused: Refused) -> Self {
        Self {
            error: Some(refused.error),
            generation: -1,
            member: refused.member,
            ..Self::default()
        }
    }
}

/// The answer to a sync.
#[derive(Debug, Clone, Default)]
pub(crate) struct Synced {
    pub(crate) error: Option<ResponseError>,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignment: Bytes,
}

impl Synced {
    fn refused(error: ResponseError) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}
