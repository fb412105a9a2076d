//! JoinGroup, SyncGroup, Heartbeat, LeaveGroup.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{Call, text};
use crate::groups::{Join, Joined, Synced, Validity};
use crate::locked::now_ms;

fn error_code(error: Option<ResponseError>) -> i16 {
    error.map_or(0, |error| error.code())
}

pub(super) async fn join(call: &Call, request: JoinGroupRequest) -> JoinGroupResponse {
    let version = call.head.version;
    let rebalance_timeout_ms = if version >= 1 {
        request.rebalance_timeout_ms
    } else {
        request.session_timeout_ms
    };
    let join = Join {
        group: request.group_id.to_string(),
        member: request.member_id.to_string(),
        instance: request.group_instance_id.map(|id| id.to_string()),
        client_id: call.head.client_id.clone(),
        client_host: format!("/{}", call.caller.peer.ip()),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms,
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .into_iter()
            // A copy: the bytes of the request would keep all of it in memory.
            .map(|p| (p.name.to_string(), Bytes::copy_from_slice(&p.metadata)))
            .collect(),
        id_required: version >= 4,
    };
    let asked = call.node.groups.join(join, &call.node.config);
    // The group may have to be looked after before anybody planned to.
    call.node.alarm.due_at(now_ms());
    let joined = match asked {
        Ok(answer) => answer.await.unwrap_or_else(|_| gone()),
        Err(refused) => refused.into(),
    };
    let member = |(id, instance, metadata): (String, Option<String>, Bytes)| {
        JoinGroupResponseMember::default()
            .with_member_id(text(&id))
            .with_group_instance_id(instance.as_deref().map(text))
            .with_metadata(metadata)
    };
    let protocol = joined.protocol.as_deref().map(text);
    JoinGroupResponse::default()
        .with_error_code(error_code(joined.error))
        .with_generation_id(joined.generation)
        .with_protocol_type(joined.protocol_type.as_deref().map(text))
        // Null is allowed only since version 7.
        .with_protocol_name(if version < 7 {
            Some(protocol.unwrap_or_default())
        } else {
            protocol
        })
        .with_leader(text(&joined.leader))
        .with_member_id(text(&joined.member))
        .with_members(joined.members.into_iter().map(member).collect())
}

/// The broker stops while the member waits, or the member has asked again on another connection.
fn gone() -> Joined {
    Joined {
        error: Some(ResponseError::NotCoordinator),
        generation: -1,
        ..Joined::default()
    }
}

pub(super) async fn sync(call: &Call, request: SyncGroupRequest) -> SyncGroupResponse {
    let instance = request.group_instance_id.as_ref().map(StrBytes::as_str);
    let who = Validity {
        member: &request.member_id,
        instance,
        generation: request.generation_id,
    };
    let protocol = (
        request.protocol_type.as_ref().map(StrBytes::as_str),
        request.protocol_name.as_ref().map(StrBytes::as_str),
    );
    let assignments = request
        .assignments
        .iter()
        .map(|a| (a.member_id.to_string(), Bytes::copy_from_slice(&a.assignment)))
        .collect();
    let asked = call
        .node
        .groups
        .sync(&request.group_id, who, protocol, assignments);
    call.node.alarm.due_at(now_ms());
    let synced = match asked {
        Ok(answer) => answer.await.unwrap_or_else(|_| Synced {
            error: Some(ResponseError::NotCoordinator),
            ..Synced::default()
        }),
        Err(error) => Synced {
            error: Some(error),
            ..Synced::default()
        },
    };
    SyncGroupResponse::default()
        .with_error_code(error_code(synced.error))
        .with_protocol_type(synced.protocol_type.as_deref().map(text))
        .with_protocol_name(synced.protocol.as_deref().map(text))
        .with_assignment(synced.assignment)
}

pub(super) async fn heartbeat(call: &Call, request: HeartbeatRequest) -> HeartbeatResponse {
    let instance = request.group_instance_id.as_ref().map(StrBytes::as_str);
    let who = Validity {
        member: &request.member_id,
        instance,
        generation: request.generation_id,
    };
    let outcome = call.node.groups.heartbeat(&request.group_id, who);
    HeartbeatResponse::default().with_error_code(error_code(outcome.err()))
}

pub(super) async fn leave(call: &Call, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let groups = &call.node.groups;
    if call.head.version < 3 {
        let outcome = groups.leave(&request.group_id, &request.member_id, None);
        return LeaveGroupResponse::default().with_error_code(error_code(outcome.err()));
    }
    let mut members = Vec::new();
    for member in request.members {
        let instance = member.group_instance_id.as_ref().map(StrBytes::as_str);
        let outcome = groups.leave(&request.group_id, &member.member_id, instance);
        members.push(
            MemberResponse::default()
                .with_member_id(member.member_id)
                .with_group_instance_id(member.group_instance_id)
                .with_error_code(error_code(outcome.err())),
        );
    }
    LeaveGroupResponse::default().with_members(members)
}
