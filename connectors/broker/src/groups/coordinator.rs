//! All groups: which member may do what.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use tokio::sync::oneshot;

use super::{Group, Join, Joined, Phase, Refused, Synced};
use crate::config::Config;
use crate::locked::{locked, now_ms};

/// Who asks: a member in a generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity<'a> {
    pub(crate) member: &'a str,
    pub(crate) instance: Option<&'a str>,
    pub(crate) generation: i32,
}

/// How offsets are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    Plain,
    /// Only the member and its generation are looked at, like Apache Kafka does.
    InTransaction,
}

/// Most members of a group, those included that have only been given an id.
const MOST_MEMBERS: usize = 1_000;
/// Most protocols and bytes of subscriptions that a member may bring.
const MOST_PROTOCOLS: usize = 100;
const MOST_SUBSCRIPTION_BYTES: usize = 1 << 20;

/// Groups that have members, or to which one is on its way. Nothing here waits but for a short lock.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    by_id: Mutex<HashMap<String, Group>>,
    next_member: AtomicU64,
}

impl Groups {
    fn new_member_id(&self, client_id: &str) -> String {
        // Unique over restarts too: an old member must not be taken for a new one.
        let number = self.next_member.fetch_add(1, Ordering::Relaxed);
        format!("{client_id}-{:x}-{:x}-{number}", now_ms(), std::process::id())
    }

    /// Joins a group; the answer comes when all members have joined.
    pub(crate) fn join(&self, join: Join, config: &Config) -> Result<oneshot::Receiver<Joined>, Refused> {
        let refuse = |error| {
            Err(Refused {
                error,
                member: join.member.clone(),
            })
        };
        if join.group.is_empty() {
            return refuse(ResponseError::InvalidGroupId);
        }
        let session = Duration::from_millis(join.session_timeout_ms.max(0) as u64);
        if session < config.group_min_session_timeout || session > config.group_max_session_timeout {
            return refuse(ResponseError::InvalidSessionTimeout);
        }
        if join.protocols.len() > MOST_PROTOCOLS {
            return refuse(ResponseError::InconsistentGroupProtocol);
        }
        if join.protocols.iter().map(|(_, data)| data.len()).sum::<usize>() > MOST_SUBSCRIPTION_BYTES {
            return refuse(ResponseError::InvalidRequest);
        }
        let now = Instant::now();
        let mut groups = locked(&self.by_id);
        if !join.member.is_empty() && !groups.contains_key(&join.group) {
            return refuse(ResponseError::UnknownMemberId);
        }
        // Checked on a group that is not there yet as well, so that a refusal leaves none behind.
        let acceptable = groups
            .get(&join.group)
            .map_or_else(|| Group::new().accepts(&join), |group| group.accepts(&join));
        if !acceptable {
            return refuse(ResponseError::InconsistentGroupProtocol);
        }
        let group = groups.entry(join.group.clone()).or_insert_with(Group::new);
        let delay = config.group_initial_rebalance_delay;
        let static_member = join
            .instance
            .as_deref()
            .and_then(|instance| group.by_instance(instance));
        if join.member.is_empty() && static_member.is_none() && group.size() >= MOST_MEMBERS {
            return refuse(ResponseError::GroupMaxSizeReached);
        }
        if join.member.is_empty() {
            let id = self.new_member_id(join.instance.as_deref().unwrap_or(&join.client_id));
            return match static_member {
                Some(old) => Ok(group.replace(&old, id, join, now)),
                None if join.id_required && join.instance.is_none() => {
                    group.promise(id.clone(), now + session);
                    Err(Refused {
                        error: ResponseError::MemberIdRequired,
                        member: id,
                    })
                }
                None => Ok(group.enter(id, join, delay, now)),
            };
        }
        if static_member.is_some_and(|known| known != join.member) {
            return refuse(ResponseError::FencedInstanceId);
        }
        if group.members.contains_key(&join.member) {
            return Ok(group.rejoin(join, now));
        }
        if group.promised(&join.member) {
            return Ok(group.enter(join.member.clone(), join, delay, now));
        }
        refuse(ResponseError::UnknownMemberId)
    }

    /// Asks for the assignment; the answer comes when the leader has brought it.
    pub(crate) fn sync(
        &self,
        id: &str,
        who: Validity<'_>,
        protocol: (Option<&str>, Option<&str>),
        assignments: Vec<(String, Bytes)>,
    ) -> Result<oneshot::Receiver<Synced>, ResponseError> {
        let mut groups = locked(&self.by_id);
        let group = member_of(&mut groups, id, who)?;
        let differs = |theirs: Option<&str>, ours: &Option<String>| {
            theirs.is_some_and(|name| ours.as_deref() != Some(name))
        };
        if differs(protocol.0, &group.protocol_type) || differs(protocol.1, &group.protocol) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        Ok(group.sync(who.member, assignments, Instant::now()))
    }

    /// A sign of life.
    pub(crate) fn heartbeat(&self, id: &str, who: Validity<'_>) -> Result<(), ResponseError> {
        let mut groups = locked(&self.by_id);
        let group = member_of(&mut groups, id, who)?;
        let joining = matches!(group.phase, Phase::Joining { .. });
        if let Some(member) = group.members.get_mut(who.member) {
            member.seen(Instant::now());
        }
        if joining {
            Err(ResponseError::RebalanceInProgress)
        } else {
            Ok(())
        }
    }

    /// A member leaves, named by its id or by its instance name.
    pub(crate) fn leave(&self, id: &str, member: &str, instance: Option<&str>) -> Result<(), ResponseError> {
        let mut groups = locked(&self.by_id);
        let group = groups.get_mut(id).ok_or(ResponseError::UnknownMemberId)?;
        let named = match instance.map(|instance| group.by_instance(instance)) {
            Some(Some(known)) if member.is_empty() || known == member => known,
            Some(Some(_)) => return Err(ResponseError::FencedInstanceId),
            Some(None) => return Err(ResponseError::UnknownMemberId),
            None => member.to_owned(),
        };
        if !group.remove(&named, Instant::now()) {
            return Err(ResponseError::UnknownMemberId);
        }
        if group.is_forgettable() {
            groups.remove(id);
        }
        Ok(())
    }

    /// Whether that client may commit offsets of the group.
    pub(crate) fn may_commit(&self, id: &str, who: Validity<'_>, kind: Commit) -> Result<(), ResponseError> {
        let mut groups = locked(&self.by_id);
        let anonymous = who.generation < 0 && who.member.is_empty();
        let has_members = groups.get(id).is_some_and(|group| !group.members.is_empty());
        if anonymous && (kind == Commit::InTransaction || !has_members) {
            return Ok(());
        }
        if !has_members {
            // Apache Kafka: a generation that the empty group does not have.
            return Err(if anonymous {
                ResponseError::UnknownMemberId
            } else {
                ResponseError::IllegalGeneration
            });
        }
        let group = member_of(&mut groups, id, who)?;
        if let Some(member) = group.members.get_mut(who.member) {
            member.seen(Instant::now());
        }
        match (kind, group.phase) {
            (Commit::Plain, Phase::Syncing { .. }) => Err(ResponseError::RebalanceInProgress),
            _ => Ok(()),
        }
    }

    /// Whether anybody is in the group. May be asked while the journal is held.
    pub(crate) fn has_members(&self, id: &str) -> bool {
        self.look(id, |group| group.is_some_and(|group| !group.members.is_empty()))
    }

    /// Looks at one group.
    pub(crate) fn look<T>(&self, id: &str, look: impl FnOnce(Option<&Group>) -> T) -> T {
        look(locked(&self.by_id).get(id))
    }

    /// Names, protocol types and phases of the groups that have members.
    pub(crate) fn list(&self) -> Vec<(String, String, Phase)> {
        let groups = locked(&self.by_id);
        let one = |(id, group): (&String, &Group)| {
            (
                id.clone(),
                group.protocol_type.clone().unwrap_or_default(),
                group.phase,
            )
        };
        groups
            .iter()
            .filter(|(_, group)| !group.members.is_empty())
            .map(one)
            .collect()
    }

    /// Removes silent members; returns when to look again.
    pub(crate) fn tend(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut groups = locked(&self.by_id);
        groups.values_mut().for_each(|group| group.tend(now));
        groups.retain(|_, group| !group.is_forgettable());
        groups.values().filter_map(|group| group.next_deadline(now)).min()
    }

    /// Sends every waiting member away, because the broker stops.
    pub(crate) fn close(&self) {
        locked(&self.by_id).clear();
    }
}

fn member_of<'g>(
    groups: &'g mut HashMap<String, Group>,
    id: &str,
    who: Validity<'_>,
) -> Result<&'g mut Group, ResponseError> {
    let group = groups.get_mut(id).ok_or(ResponseError::UnknownMemberId)?;
    if let Some(known) = who.instance.and_then(|instance| group.by_instance(instance))
        && known != who.member
    {
        return Err(ResponseError::FencedInstanceId);
    }
    if !group.members.contains_key(who.member) {
        return Err(ResponseError::UnknownMemberId);
    }
    if group.generation != who.generation {
        return Err(ResponseError::IllegalGeneration);
    }
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(member: &str, instance: Option<&str>) -> Join {
        Join {
            group: "g".into(),
            member: member.into(),
            instance: instance.map(str::to_owned),
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 20_000,
            protocol_type: "consumer".into(),
            protocols: vec![("range".into(), Bytes::from_static(b"t"))],
            id_required: false,
        }
    }

    fn joined(groups: &Groups, join: Join) -> Joined {
        let mut answer = groups.join(join, &Config::default()).unwrap();
        answer.try_recv().expect("nobody else is waited for")
    }

    fn who<'a>(member: &'a str, instance: Option<&'a str>) -> Validity<'a> {
        Validity {
            member,
            instance,
            generation: 1,
        }
    }

    fn sync(groups: &Groups, who: Validity<'_>, assignments: Vec<(String, Bytes)>) -> Bytes {
        let mut answer = groups.sync("g", who, (None, None), assignments).unwrap();
        answer.try_recv().expect("the group is settled").assignment
    }

    #[test]
    fn a_static_member_that_comes_back_keeps_its_assignment_and_disturbs_nobody() {
        let groups = Groups::default();
        let first = joined(&groups, join("", Some("one")));
        assert_eq!(first.leader, first.member);
        let given = vec![(first.member.clone(), Bytes::from_static(b"0,1"))];
        sync(&groups, who(&first.member, Some("one")), given);

        let back = joined(&groups, join("", Some("one")));
        assert_ne!(back.member, first.member);
        assert_eq!(back.generation, 1, "no rebalance");
        assert_ne!(back.leader, back.member, "it does not assign again");
        assert_eq!(sync(&groups, who(&back.member, Some("one")), Vec::new()), "0,1");
        let fenced = groups.heartbeat("g", who(&first.member, Some("one")));
        assert_eq!(fenced, Err(ResponseError::FencedInstanceId));
    }

    #[test]
    fn a_static_member_with_a_new_subscription_begins_a_rebalance() {
        let groups = Groups::default();
        let first = joined(&groups, join("", Some("one")));
        let given = vec![(first.member.clone(), Bytes::from_static(b"0,1"))];
        sync(&groups, who(&first.member, Some("one")), given);
        let mut changed = join("", Some("one"));
        changed.protocols[0].1 = Bytes::from_static(b"u");
        assert_eq!(joined(&groups, changed).generation, 2);
    }

    #[test]
    fn an_absent_static_member_keeps_its_place_until_its_session_ends() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut group = Group::new();
        let _absent = group.enter("absent".into(), join("", Some("one")), Duration::ZERO, begun);
        let mut other = group.enter("other".into(), join("", None), Duration::ZERO, begun);
        assert!(other.try_recv().is_err(), "the rebalance waits for both");
        group.members.get_mut("absent").unwrap().seen(after(15));
        group.tend(after(20));
        let told = other.try_recv().expect("the time to join is over");
        assert_eq!((told.leader.as_str(), told.members.len()), ("other", 2));
        group.tend(after(26));
        assert!(!group.members.contains_key("absent"));
    }

    #[test]
    fn offsets_in_a_transaction_are_taken_while_the_group_syncs() {
        let groups = Groups::default();
        let first = joined(&groups, join("", None));
        let me = who(&first.member, None);
        assert_eq!(
            groups.may_commit("g", me, Commit::Plain),
            Err(ResponseError::RebalanceInProgress)
        );
        assert_eq!(groups.may_commit("g", me, Commit::InTransaction), Ok(()));
    }

    #[test]
    fn a_group_has_no_more_members_than_it_may() {
        let groups = Groups::default();
        let ask = || {
            let mut join = join("", None);
            join.id_required = true;
            groups.join(join, &Config::default()).unwrap_err().error
        };
        for _ in 0..MOST_MEMBERS {
            assert_eq!(ask(), ResponseError::MemberIdRequired);
        }
        assert_eq!(ask(), ResponseError::GroupMaxSizeReached);
    }

    #[test]
    fn a_member_with_hundreds_of_protocols_is_refused() {
        let groups = Groups::default();
        let mut many = join("", None);
        many.protocols = (0..=MOST_PROTOCOLS)
            .map(|n| (n.to_string(), Bytes::new()))
            .collect();
        let refused = groups.join(many, &Config::default()).unwrap_err();
        assert_eq!(refused.error, ResponseError::InconsistentGroupProtocol);
    }
}
