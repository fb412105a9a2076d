//! Consumer groups: every partition is read by exactly one member, whoever comes and goes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::clients::{Own, WAIT, producer, send};

struct Member {
    consumer: BaseConsumer,
    read: Vec<(i32, i64)>,
}

fn member(own: &Own, assignor: &str, instance: Option<&str>) -> Member {
    let mut config = own.client();
    config
        .set("group.id", "g")
        .set("partition.assignment.strategy", assignor)
        .set("session.timeout.ms", "3000")
        .set("heartbeat.interval.ms", "100")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    if let Some(instance) = instance {
        config.set("group.instance.id", instance);
    }
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["t"]).unwrap();
    Member {
        consumer,
        read: Vec::new(),
    }
}

impl Member {
    fn poll(&mut self) {
        if let Some(message) = self.consumer.poll(Duration::from_millis(5)) {
            let message = message.unwrap();
            self.read.push((message.partition(), message.offset()));
            // An error says that a rebalance is on its way: somebody reads it again.
            let _ = self.consumer.commit_message(&message, CommitMode::Sync);
        }
    }

    fn owned(&self) -> BTreeSet<i32> {
        self.consumer
            .assignment()
            .unwrap()
            .elements()
            .iter()
            .map(|e| e.partition())
            .collect()
    }
}

/// Polls until the assignments of the members are these many partitions each, together all of them.
fn settle(members: &mut [Member], mut sizes: Vec<usize>) {
    sizes.sort_unstable();
    let deadline = Instant::now() + WAIT;
    loop {
        members.iter_mut().for_each(Member::poll);
        let owned: Vec<BTreeSet<i32>> = members.iter().map(Member::owned).collect();
        let mut seen: Vec<usize> = owned.iter().map(BTreeSet::len).collect();
        seen.sort_unstable();
        let union: BTreeSet<i32> = owned.iter().flatten().copied().collect();
        if seen == sizes && union.len() == sizes.iter().sum::<usize>() {
            return;
        }
        assert!(Instant::now() < deadline, "wanted {sizes:?}, have {owned:?}");
    }
}

fn come_and_go(assignor: &str) {
    let own = Own::start();
    own.topic("t", 4);
    let sender = producer(own.client());
    let mut members = vec![member(&own, assignor, None)];
    settle(&mut members, vec![4]);
    members.push(member(&own, assignor, None));
    settle(&mut members, vec![2, 2]);
    members.push(member(&own, assignor, None));
    members.push(member(&own, assignor, None));
    settle(&mut members, vec![1, 1, 1, 1]);
    (0..4).for_each(|partition| send(&sender, "t", partition, 0..50));
    let deadline = Instant::now() + WAIT;
    // A rebalance may have a record read again; what counts is that none is left out.
    let mut read: BTreeSet<(i32, i64)> = BTreeSet::new();
    while read.len() < 200 {
        members.iter_mut().for_each(Member::poll);
        read.extend(members.iter_mut().flat_map(|m| m.read.drain(..)));
        assert!(
            Instant::now() < deadline,
            "{} of 200 records were read",
            read.len()
        );
    }
    members.truncate(1);
    settle(&mut members, vec![4]);
}

#[test]
fn members_of_an_eager_group_come_and_go() {
    come_and_go("range");
}

#[test]
fn members_of_a_cooperative_group_come_and_go() {
    come_and_go("cooperative-sticky");
}

#[test]
fn a_member_that_falls_silent_loses_its_place() {
    let own = Own::start();
    own.topic("t", 2);
    let watcher: BaseConsumer = own.client().create().unwrap();
    let members = || {
        let list = watcher.fetch_group_list(Some("g"), WAIT).unwrap();
        list.groups().first().map_or(0, |group| group.members().len())
    };
    // The watcher is connected before the session begins to run out.
    assert_eq!(members(), 0);
    let mut silent = crate::hostile::Raw::connect(&own.address());
    // JoinGroup version 0: group, session time-out, member, protocol type, one protocol with empty metadata.
    let mut join = vec![0, 1, b'g'];
    join.extend(5_000_i32.to_be_bytes());
    join.extend([0, 0, 0, 8]);
    join.extend(b"consumer");
    join.extend([0, 0, 0, 1, 0, 5]);
    join.extend(b"range");
    join.extend([0, 0, 0, 0]);
    let answer = silent.ask(11, 0, &join).unwrap();
    assert_eq!(answer[..2], [0, 0], "joined");
    assert_eq!(members(), 1);
    crate::clients::until("it is gone", || members() == 0);
    let mut members = vec![member(&own, "range", None)];
    settle(&mut members, vec![2]);
}

#[test]
fn a_static_member_comes_back_under_its_name() {
    let own = Own::start();
    own.topic("t", 2);
    let mut members = vec![
        member(&own, "range", Some("one")),
        member(&own, "range", Some("two")),
    ];
    settle(&mut members, vec![1, 1]);
    members.pop();
    members.push(member(&own, "range", Some("two")));
    settle(&mut members, vec![1, 1]);
}

#[test]
fn committed_offsets_and_their_metadata_outlive_a_restart() {
    let mut own = Own::start();
    own.topic("t", 1);
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition("t", 0);
    element.set_offset(Offset::Offset(42)).unwrap();
    element.set_metadata("{\"f\":1}");
    consumer.commit(&list, CommitMode::Sync).unwrap();
    own.restart();
    let consumer: BaseConsumer = own.client().set("group.id", "g").create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition("t", 0);
    let kept = consumer.committed_offsets(asked, WAIT).unwrap();
    let element = kept.find_partition("t", 0).unwrap();
    assert_eq!(
        (element.offset(), element.metadata()),
        (Offset::Offset(42), "{\"f\":1}")
    );
}

#[test]
fn a_group_goes_on_where_it_was_after_the_broker_was_restarted() {
    let own = Own::start();
    own.topic("t", 1);
    send(&producer(own.client()), "t", 0, 0..10);
    let mut members = vec![member(&own, "range", None)];
    let deadline = Instant::now() + WAIT;
    while members[0].read.len() < 10 {
        members[0].poll();
        assert!(Instant::now() < deadline);
    }
    drop(members);
    let mut own = own;
    own.restart();
    send(&producer(own.client()), "t", 0, 10..12);
    let mut again = member(&own, "range", None);
    while again.read.len() < 2 {
        again.poll();
        assert!(Instant::now() < deadline);
    }
    assert_eq!(again.read, [(0, 10), (0, 11)]);
}
