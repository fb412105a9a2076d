//! One group: its members and the state machine of its rebalances.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use tokio::sync::oneshot;

use super::member::Member;
use super::{Join, Joined, Refused, Synced};

/// What a group is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Empty,
    /// Waits for all members to join, at most until the deadline, at least until the other moment.
    Joining {
        not_before: Instant,
        deadline: Instant,
    },
    /// Waits for the leader's assignment and for every member to ask for it.
    Syncing {
        deadline: Instant,
    },
    Stable,
}

/// A group with members, or that was just left by its last one.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) phase: Phase,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    leader: Option<String>,
    pub(crate) members: BTreeMap<String, Member>,
    /// Member ids that were handed out and not used yet.
    pending: BTreeMap<String, Instant>,
}

impl Group {
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }

    /// Whether nothing would be lost by forgetting it.
    pub(crate) fn is_forgettable(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// Whether members with these protocols can be in one group.
    pub(crate) fn accepts(&self, join: &Join) -> bool {
        if join.protocols.is_empty() || join.protocol_type.is_empty() {
            return false;
        }
        let mut others = self.members.values().filter(|m| m.id != join.member).peekable();
        if others.peek().is_none() {
            return true;
        }
        let names = join.protocols.iter().map(|(name, _)| name).collect();
        self.protocol_type.as_deref() == Some(join.protocol_type.as_str())
            && !common(names, others).is_empty()
    }

    /// Members, and ids that were handed out.
    pub(crate) fn size(&self) -> usize {
        self.members.len() + self.pending.len()
    }

    /// Hands out a member id that must be used before the time-out.
    pub(crate) fn promise(&mut self, member: String, until: Instant) {
        self.pending.insert(member, until);
    }

    /// Whether that id was handed out.
    pub(crate) fn promised(&self, member: &str) -> bool {
        self.pending.contains_key(member)
    }

    /// Takes in a new member.
    pub(crate) fn enter(
        &mut self,
        id: String,
        join: Join,
        initial_delay: Duration,
        now: Instant,
    ) -> oneshot::Receiver<Joined> {
        self.pending.remove(&id);
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        let (member, receiver) = Member::new(id.clone(), join, now);
        self.members.insert(id, member);
        let delay = if self.phase == Phase::Empty {
            initial_delay
        } else {
            Duration::ZERO
        };
        self.rebalance(delay, now);
        receiver
    }

    /// A member joins again under the id that it has.
    pub(crate) fn rejoin(&mut self, join: Join, now: Instant) -> oneshot::Receiver<Joined> {
        let (answer, receiver) = oneshot::channel();
        let is_leader = self.leader.as_deref() == Some(join.member.as_str());
        let member = self
            .members
            .get_mut(&join.member)
            .expect("the caller has looked it up");
        let changed = member.protocols != join.protocols;
        member.protocols = join.protocols;
        member.seen(now);
        let settled = match self.phase {
            // The answer to its last join was lost.
            Phase::Syncing { .. } => !changed,
            // A follower that has nothing new to say learns where the group stands.
            Phase::Stable => !changed && !is_leader,
            Phase::Empty | Phase::Joining { .. } => false,
        };
        if settled {
            let _ = answer.send(self.joined(&join.member));
            return receiver;
        }
        member.joining = Some(answer);
        self.rebalance(Duration::ZERO, now);
        receiver
    }

    /// A static member comes back under a new id. With nothing new to say in a settled group it keeps its place and
    /// its assignment, and nobody else is disturbed.
    pub(crate) fn replace(
        &mut self,
        old: &str,
        id: String,
        join: Join,
        now: Instant,
    ) -> oneshot::Receiver<Joined> {
        let settled = self.phase == Phase::Stable
            && self
                .members
                .get(old)
                .is_some_and(|m| m.protocols == join.protocols);
        let mut assignment = Bytes::new();
        if let Some(mut member) = self.members.remove(old) {
            assignment = member.assignment.clone();
            answer_join(&mut member, || {
                Refused {
                    error: ResponseError::FencedInstanceId,
                    member: old.to_owned(),
                }
                .into()
            });
            answer_sync(&mut member, || Synced::refused(ResponseError::FencedInstanceId));
        }
        let leads = self.leader.as_deref() == Some(old);
        if leads {
            self.leader = Some(id.clone());
        }
        if !settled {
            return self.enter(id, join, Duration::ZERO, now);
        }
        let (mut member, receiver) = Member::new(id.clone(), join, now);
        member.assignment = assignment;
        let answer = member.joining.take();
        self.members.insert(id.clone(), member);
        let mut joined = self.joined(&id);
        if leads {
            // Told that it leads it would assign again: like Apache Kafka, it is told its old id.
            joined.leader = old.to_owned();
            joined.members.clear();
        }
        if let Some(answer) = answer {
            let _ = answer.send(joined);
        }
        receiver
    }

    /// Begins a rebalance, or goes on with the one that has begun.
    fn rebalance(&mut self, delay: Duration, now: Instant) {
        if !matches!(self.phase, Phase::Joining { .. }) {
            for member in self.members.values_mut() {
                answer_sync(member, || Synced::refused(ResponseError::RebalanceInProgress));
            }
            self.phase = Phase::Joining {
                not_before: now + delay,
                deadline: now + self.longest_rebalance().max(delay),
            };
        }
        self.complete_join_if_all_are_there(now);
    }

    /// How long the slowest member may take to join.
    fn longest_rebalance(&self) -> Duration {
        let all = self.members.values().map(|m| m.rebalance_timeout);
        all.max().unwrap_or_default()
    }

    fn complete_join_if_all_are_there(&mut self, now: Instant) {
        let Phase::Joining { not_before, .. } = self.phase else {
            return;
        };
        let all = self.pending.is_empty() && self.members.values().all(|m| m.joining.is_some());
        if all && now >= not_before {
            self.complete_join(now);
        }
    }

    fn complete_join(&mut self, now: Instant) {
        // An absent static member keeps its place until its session ends.
        self.members
            .retain(|_, member| member.joining.is_some() || member.instance.is_some());
        if !self.members.is_empty() && self.members.values().all(|m| m.joining.is_none()) {
            self.phase = Phase::Joining {
                not_before: now,
                deadline: now + self.longest_rebalance(),
            };
            return;
        }
        self.generation = self.generation.wrapping_add(1).max(1);
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.protocol = None;
            self.leader = None;
            return;
        }
        let is_here = |id: &String| self.members.get(id).is_some_and(|m| m.joining.is_some());
        if !self.leader.as_ref().is_some_and(is_here) {
            self.leader = self.members.keys().find(|id| is_here(id)).cloned();
        }
        self.protocol = self.vote();
        self.phase = Phase::Syncing {
            deadline: now + self.longest_rebalance(),
        };
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id);
            let member = self.members.get_mut(&id).expect("the id was just listed");
            if member.joining.is_some() {
                member.seen(now);
            }
            member.assignment = Bytes::new();
            answer_join(member, || joined);
        }
    }

    /// The protocol that most members like best among those that all know.
    fn vote(&self) -> Option<String> {
        let first = self.members.values().next()?;
        let names = first.protocols.iter().map(|(name, _)| name).collect();
        let common = common(names, self.members.values());
        let mut votes: BTreeMap<&String, usize> = BTreeMap::new();
        for member in self.members.values() {
            let favourite = member
                .protocols
                .iter()
                .map(|(name, _)| name)
                .find(|name| common.contains(*name));
            *votes.entry(favourite?).or_default() += 1;
        }
        votes
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map(|(name, _)| name.clone())
    }

    fn joined(&self, member: &str) -> Joined {
        let leader = self.leader.clone().unwrap_or_default();
        let protocol = self.protocol.clone().unwrap_or_default();
        let listed = |m: &Member| (m.id.clone(), m.instance.clone(), m.subscription(&protocol));
        let members = if leader == member {
            self.members.values().map(listed).collect()
        } else {
            Vec::new()
        };
        Joined {
            error: None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader,
            member: member.to_owned(),
            members,
        }
    }

    /// A member asks for its assignment; the leader brings all of them.
    pub(crate) fn sync(
        &mut self,
        id: &str,
        assignments: Vec<(String, Bytes)>,
        now: Instant,
    ) -> oneshot::Receiver<Synced> {
        let (answer, receiver) = oneshot::channel();
        let is_leader = self.leader.as_deref() == Some(id);
        let member = self.members.get_mut(id).expect("the caller has looked it up");
        member.seen(now);
        member.syncing = Some(answer);
        match self.phase {
            Phase::Joining { .. } | Phase::Empty => {
                answer_sync(member, || Synced::refused(ResponseError::RebalanceInProgress));
            }
            Phase::Syncing { .. } if is_leader => {
                for (id, assignment) in assignments {
                    if let Some(member) = self.members.get_mut(&id) {
                        member.assignment = assignment;
                    }
                }
                self.phase = Phase::Stable;
                self.answer_all_syncs();
            }
            Phase::Syncing { .. } => {}
            Phase::Stable => self.answer_all_syncs(),
        }
        receiver
    }

    fn answer_all_syncs(&mut self) {
        let (protocol_type, protocol) = (&self.protocol_type, &self.protocol);
        for member in self.members.values_mut() {
            let (protocol_type, protocol) = (protocol_type.clone(), protocol.clone());
            let assignment = member.assignment.clone();
            answer_sync(member, || Synced {
                error: None,
                protocol_type,
                protocol,
                assignment,
            });
        }
    }

    /// Removes a member for good.
    pub(crate) fn remove(&mut self, id: &str, now: Instant) -> bool {
        if self.pending.remove(id).is_some() {
            self.complete_join_if_all_are_there(now);
            return true;
        }
        let Some(mut member) = self.members.remove(id) else {
            return false;
        };
        answer_join(&mut member, || {
            Refused {
                error: ResponseError::UnknownMemberId,
                member: id.to_owned(),
            }
            .into()
        });
        answer_sync(&mut member, || Synced::refused(ResponseError::UnknownMemberId));
        self.rebalance(Duration::ZERO, now);
        true
    }

    /// The member with that instance name.
    pub(crate) fn by_instance(&self, instance: &str) -> Option<String> {
        self.members
            .values()
            .find(|m| m.instance.as_deref() == Some(instance))
            .map(|m| m.id.clone())
    }

    /// Removes who fell silent, and goes on without those that did not come in time.
    pub(crate) fn tend(&mut self, now: Instant) {
        self.pending.retain(|_, until| *until > now);
        let silent: Vec<String> = self
            .members
            .values()
            .filter(|m| m.deadline <= now && !m.waits())
            .map(|m| m.id.clone())
            .collect();
        for id in silent {
            tracing::info!(member = id, "group member timed out");
            self.remove(&id, now);
        }
        match self.phase {
            Phase::Joining { deadline, .. } if deadline <= now => self.complete_join(now),
            Phase::Joining { .. } => self.complete_join_if_all_are_there(now),
            Phase::Syncing { deadline } if deadline <= now => {
                let late: Vec<String> = self
                    .members
                    .values()
                    .filter(|m| m.syncing.is_none())
                    .map(|m| m.id.clone())
                    .collect();
                for id in late {
                    self.remove(&id, now);
                }
                self.rebalance(Duration::ZERO, now);
            }
            Phase::Syncing { .. } | Phase::Stable | Phase::Empty => {}
        }
    }

    /// When [`Group::tend`] has something to do.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let phase = match self.phase {
            Phase::Joining { not_before, deadline } => {
                Some(if not_before > now { not_before } else { deadline })
            }
            Phase::Syncing { deadline } => Some(deadline),
            Phase::Stable | Phase::Empty => None,
        };
        let members = self.members.values().map(|m| {
            if m.waits() {
                m.deadline.max(now + m.session_timeout)
            } else {
                m.deadline
            }
        });
        members.chain(self.pending.values().copied()).chain(phase).min()
    }
}

/// Those of the protocols that all members know.
fn common<'p>(
    mut names: BTreeSet<&'p String>,
    members: impl Iterator<Item = &'p Member>,
) -> BTreeSet<&'p String> {
    for member in members {
        let theirs: BTreeSet<&String> = member.protocols.iter().map(|(name, _)| name).collect();
        names.retain(|name| theirs.contains(name));
    }
    names
}

fn answer_join(member: &mut Member, joined: impl FnOnce() -> Joined) {
    if let Some(answer) = member.joining.take() {
        let _ = answer.send(joined());
    }
}

fn answer_sync(member: &mut Member, synced: impl FnOnce() -> Synced) {
    if let Some(answer) = member.syncing.take() {
        let _ = answer.send(synced());
    }
}
