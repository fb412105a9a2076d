use std::sync::{Arc, Mutex};

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use test_support::dev_broker::DevBroker;
use test_support::patience::eventually;
use weir_kafka::{Connection, Followed, Follower};

use crate::servers::{connection_to, make, on_each_server, records, sink, topic, unique};
use crate::source::{admin, block_on};

/// What a follower told, as texts: `0/3=value`, `caught up`, `anew`. How far it lags is left out.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn follow(&self, connection: &Connection, topic: &str) -> Follower {
        let told = self.clone();
        let each = move |followed: Followed<'_>| {
            let text = match followed {
                Followed::Record { partition, record } => {
                    let value = String::from_utf8_lossy(record.value.unwrap());
                    format!("{partition}/{}={value}", record.offset)
                }
                Followed::CaughtUp => "caught up".to_owned(),
                Followed::Lag(_) => return,
                Followed::Anew => "anew".to_owned(),
            };
            told.0.lock().unwrap().push(text);
        };
        Follower::start(connection, topic, each).unwrap()
    }

    #[track_caller]
    fn until(&self, wanted: &[&str]) {
        eventually("what is followed", || {
            let told = self.0.lock().unwrap();
            match *told == wanted {
                true => Ok(()),
                false => Err(format!("{told:?}")),
            }
        });
    }
}

impl Told {
    /// What came before it was told that the topic is another one does not count.
    #[track_caller]
    fn until_after_anew(&self, wanted: &[&str]) {
        eventually("what is followed of the new topic", || {
            let told = self.0.lock().unwrap();
            let anew = told.iter().rposition(|text| text == "anew");
            match anew.is_some_and(|at| told[at + 1..] == *wanted) {
                true => Ok(()),
                false => Err(format!("{told:?}")),
            }
        });
    }
}

#[test]
fn all_partitions_are_read_from_their_beginning_and_on_and_only_what_is_committed() {
    on_each_server(|connection| {
        let topic = topic(connection, 2);
        let mut sink = sink(connection);
        sink.commit(&records(&topic, 0, &["a", "b"])).unwrap();
        let told = Told::default();
        let _follower = told.follow(connection, &topic);
        told.until(&["0/0=a", "0/1=b", "caught up"]);
        sink.commit(&records(&topic, 1, &["c"])).unwrap();
        told.until(&["0/0=a", "0/1=b", "caught up", "1/0=c"]);
        // Behind the marker of the first transaction.
        sink.commit(&records(&topic, 0, &["d"])).unwrap();
        told.until(&["0/0=a", "0/1=b", "caught up", "1/0=c", "0/3=d"]);
    });
}

#[test]
fn a_topic_that_is_missing_is_waited_for_and_one_without_records_is_caught_up_with() {
    on_each_server(|connection| {
        let name = unique("later");
        let told = Told::default();
        let _follower = told.follow(connection, &name);
        make(connection, &name, 1, &[]);
        told.until(&["caught up"]);
        sink(connection)
            .commit(&records(&Arc::from(name), 0, &["a"]))
            .unwrap();
        told.until(&["caught up", "0/0=a"]);
    });
}

#[test]
fn it_goes_on_behind_an_outage_without_a_gap_or_a_repeat() {
    let mut broker = DevBroker::start();
    let connection = connection_to(&broker);
    let topic = topic(&connection, 1);
    sink(&connection).commit(&records(&topic, 0, &["a"])).unwrap();
    let told = Told::default();
    let _follower = told.follow(&connection, &topic);
    told.until(&["0/0=a", "caught up"]);
    broker.kill();
    broker.start_again();
    sink(&connection).commit(&records(&topic, 0, &["b"])).unwrap();
    told.until(&["0/0=a", "caught up", "0/2=b"]);
}

/// A topic that somebody follows, and that has just been deleted.
fn deleted_while_followed(connection: &Connection) -> (Arc<str>, Told, Follower) {
    let topic = topic(connection, 1);
    sink(connection).commit(&records(&topic, 0, &["a"])).unwrap();
    let told = Told::default();
    let follower = told.follow(connection, &topic);
    told.until(&["0/0=a", "caught up"]);
    block_on(admin(connection).delete_topics(&[&*topic], &AdminOptions::new())).unwrap();
    (topic, told, follower)
}

#[test]
fn a_topic_that_is_made_anew_is_read_from_its_beginning_however_long_it_is() {
    on_each_server(|connection| {
        let (topic, told, _follower) = deleted_while_followed(connection);
        eventually("the topic is gone", || {
            match weir_kafka::partitions(connection, &topic) {
                Err(_) => Ok(()),
                Ok(found) => Err(format!("{found:?}")),
            }
        });
        make(connection, &topic, 1, &[]);
        // Longer than the one before: that tells nothing by its end.
        sink(connection)
            .commit(&records(&topic, 0, &["x", "y", "z"]))
            .unwrap();
        told.until_after_anew(&["0/0=x", "0/1=y", "0/2=z"]);
    });
}

#[test]
fn a_topic_that_is_made_anew_at_once_is_found_out_also_where_it_was_read_on() {
    on_each_server(|connection| {
        let (topic, told, _follower) = deleted_while_followed(connection);
        // Without a pause, as often as it takes: the follower may not notice that it was gone.
        let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
        eventually("there is a new one", || {
            let made = block_on(admin(connection).create_topics([&new], &AdminOptions::new())).unwrap();
            made.into_iter()
                .try_for_each(|made| made.map(drop).map_err(|error| format!("{error:?}")))
        });
        let mut sink = sink(connection);
        sink.commit(&records(&topic, 0, &["x", "y", "z"])).unwrap();
        sink.commit(&records(&topic, 0, &["more"])).unwrap();
        told.until_after_anew(&["0/0=x", "0/1=y", "0/2=z", "0/4=more"]);
    });
}

#[test]
fn one_that_waits_for_a_broker_ends_when_it_is_let_go_of() {
    let broker = DevBroker::at(test_support::address::free_address());
    let told = Told::default();
    drop(told.follow(&connection_to(&broker), "nowhere"));
    told.until(&[]);
}
