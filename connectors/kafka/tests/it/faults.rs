//! Brokers that are away, die, or do not answer. On the development broker alone: nobody else's is killed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use test_support::address::free_address;
use test_support::dev_broker::DevBroker;
use test_support::patience::eventually;
use weir_kafka::{
    Connection, Sink, SinkError, SinkOptions, Source, SourceOptions, TopicError, TopicSpec, ensure,
    ensure_unless, offsets, read_last,
};

use crate::proxy::{EndTxn, Proxy};
use crate::servers::{connection_to, make, records, values};

fn options() -> SinkOptions {
    SinkOptions {
        transaction_timeout: Duration::from_secs(20),
        ..SinkOptions::new("job", "job")
    }
}

/// For a commit that is to fail for want of an answer.
fn impatient() -> SinkOptions {
    SinkOptions {
        transaction_timeout: Duration::from_secs(3),
        ..options()
    }
}

/// An address where nobody listens.
fn nobody() -> Connection {
    Connection::new(free_address().to_string())
}

#[test]
fn connecting_to_no_broker_gives_up_in_time() {
    let started = Instant::now();
    let options = SinkOptions {
        connect_timeout: Duration::from_millis(500),
        ..options()
    };
    match Sink::connect(&nobody(), options) {
        Err(SinkError::Unavailable(reason)) => assert!(reason.contains("refused"), "{reason}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("connected to nobody"),
    }
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_sink_connects_once_the_broker_is_there() {
    let mut broker = DevBroker::start();
    broker.kill();
    let connection = connection_to(&broker);
    let connecting = std::thread::spawn(move || Sink::connect(&connection, options()).map(drop));
    broker.start_again();
    connecting.join().unwrap().unwrap();
}

#[test]
fn topics_are_made_once_the_broker_is_there_unless_told_to_stop() {
    let spec = [TopicSpec {
        name: "orders".into(),
        partitions: 2,
        configs: Vec::new(),
    }];
    let mut broker = DevBroker::start();
    broker.kill();
    assert_eq!(
        ensure_unless(&connection_to(&broker), &spec, &|| true),
        Err(TopicError::Stopped)
    );
    let connection = connection_to(&broker);
    let making = std::thread::spawn(move || ensure(&connection, &spec));
    broker.start_again();
    making.join().unwrap().unwrap();
    assert_eq!(offsets(&connection_to(&broker), "orders").unwrap().len(), 2);
}

/// The connection through the proxy, and what was committed after the outcome got lost.
fn lose(end_txn: EndTxn) -> Vec<String> {
    let proxy = Proxy::start();
    let broker = DevBroker::advertising(proxy.address());
    proxy.forward_to(broker.address());
    let connection = Connection::new(proxy.address().to_string());
    make(&connection, "results", 1, &[]);
    let topic = Arc::from("results");
    let mut sink = Sink::connect(&connection, options()).unwrap();
    sink.commit(&records(&topic, 0, &["before"])).unwrap();
    let mut sink = Sink::connect(&connection, impatient()).unwrap();
    proxy.end_txn(end_txn);
    let error = sink.commit(&records(&topic, 0, &["lost?"])).unwrap_err();
    assert!(matches!(error, SinkError::OutcomeUnknown(_)), "{error}");
    let error = sink.commit(&records(&topic, 0, &["never"])).unwrap_err();
    assert!(matches!(error, SinkError::Unavailable(_)), "{error}");
    drop(sink);
    proxy.end_txn(EndTxn::Pass);
    let mut sink = Sink::connect(&connection, options()).unwrap();
    // From here on the outcome is settled: progress can be read.
    let settled = values(&connection, &topic, 0);
    sink.commit(&records(&topic, 0, &["after"])).unwrap();
    let last = read_last(&connection, &topic, 0, |_| true).unwrap().unwrap();
    assert_eq!(last.value.unwrap(), b"after");
    settled
}

#[test]
fn a_commit_whose_answer_is_lost_is_unknown_and_turns_out_committed() {
    assert_eq!(lose(EndTxn::LoseTheAnswer), ["before", "lost?"]);
}

#[test]
fn a_commit_that_never_arrives_is_unknown_and_turns_out_aborted() {
    assert_eq!(lose(EndTxn::LoseTheRequest), ["before"]);
}

#[test]
fn a_commit_that_failed_and_cannot_be_aborted_is_unknown() {
    assert_eq!(lose(EndTxn::Fail), ["before"]);
}

#[test]
fn a_broker_that_stays_away_makes_a_commit_fail_in_time_and_the_next_one_succeeds() {
    let mut broker = DevBroker::start();
    let connection = connection_to(&broker);
    make(&connection, "results", 1, &[]);
    let topic = Arc::from("results");
    let mut sink = Sink::connect(&connection, options()).unwrap();
    sink.commit(&records(&topic, 0, &["a"])).unwrap();
    let mut sink = Sink::connect(&connection, impatient()).unwrap();
    broker.kill();
    let started = Instant::now();
    let error = sink.commit(&records(&topic, 0, &["b"])).unwrap_err();
    assert!(matches!(error, SinkError::Unavailable(_)), "{error}");
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    broker.start_again();
    drop(sink);
    Sink::connect(&connection, options())
        .unwrap()
        .commit(&records(&topic, 0, &["b"]))
        .unwrap();
    assert_eq!(values(&connection, &topic, 0), ["a", "b"]);
}

#[test]
fn whatever_moment_the_broker_dies_at_each_transaction_is_there_once() {
    let mut broker = DevBroker::start();
    let connection = connection_to(&broker);
    make(&connection, "results", 1, &[]);
    let topic: Arc<str> = Arc::from("results");
    let stop = Arc::new(AtomicBool::new(false));
    let errors = Arc::new(Mutex::new(Vec::new()));
    let committer = {
        let (stop, topic, errors) = (Arc::clone(&stop), Arc::clone(&topic), Arc::clone(&errors));
        let connection = connection.clone();
        std::thread::spawn(move || {
            let mut sink = None;
            let mut next = 0;
            while !stop.load(Ordering::SeqCst) {
                let Some(connected) = &mut sink else {
                    if let Ok(connected) = Sink::connect(&connection, options()) {
                        // What is there decides what comes next, as the job's progress does.
                        let last = eventually("progress", || {
                            read_last(&connection, &topic, 0, |_| true).map_err(|error| error.to_string())
                        });
                        let number =
                            |value: Vec<u8>| String::from_utf8(value).unwrap().parse::<u32>().unwrap();
                        next = last.map_or(0, |last| number(last.value.unwrap()) + 1);
                        sink = Some(connected);
                    }
                    continue;
                };
                match connected.commit(&records(&topic, 0, &[&next.to_string()])) {
                    Ok(_) => next += 1,
                    Err(error) => {
                        errors.lock().unwrap().push(error);
                        sink = None;
                    }
                }
            }
            next
        })
    };
    for kill in 1..=4 {
        let before = values_so_far(&connection);
        eventually("progress", || match values_so_far(&connection) {
            now if now > before + 5 => Ok(()),
            now => Err(format!("{now} after {kill} kills")),
        });
        broker.kill();
        broker.start_again();
    }
    let before = values_so_far(&connection);
    eventually("progress", || {
        if values_so_far(&connection) > before {
            Ok(())
        } else {
            Err("none".into())
        }
    });
    stop.store(true, Ordering::SeqCst);
    let committed = committer.join().unwrap();
    eprintln!("{committed} transactions, errors: {:?}", errors.lock().unwrap());
    let expected: Vec<String> = (0..committed).map(|n| n.to_string()).collect();
    assert_eq!(values(&connection, &topic, 0), expected);
}

fn values_so_far(connection: &Connection) -> i64 {
    offsets(connection, "results").unwrap()[&0].1
}

#[test]
fn a_source_waits_for_the_broker_and_reads_on() {
    let mut broker = DevBroker::start();
    let connection = connection_to(&broker);
    make(&connection, "orders", 1, &[]);
    let topic: Arc<str> = Arc::from("orders");
    let commit = |value: &str| {
        Sink::connect(&connection, options())
            .unwrap()
            .commit(&records(&topic, 0, &[value]))
            .unwrap();
    };
    commit("a");
    let options = SourceOptions {
        topic: "orders".into(),
        group_id: "job".into(),
        queued_kbytes: 1024,
    };
    let mut source = Source::connect(&connection, &options, Arc::new(|| {})).unwrap();
    source.assign(0, 0).unwrap();
    let mut seen = Vec::new();
    let mut read_until = |done: &dyn Fn(&Source, &[String]) -> bool| {
        eventually("source", || {
            source
                .read(0, 10, |record| {
                    seen.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
                })
                .unwrap();
            if done(&source, &seen) {
                Ok(())
            } else {
                Err(format!("{seen:?}, {}", source.connected()))
            }
        });
    };
    read_until(&|_, seen| seen == ["a"]);
    broker.kill();
    read_until(&|source, _| !source.connected());
    broker.start_again();
    read_until(&|source, _| source.connected());
    commit("b");
    read_until(&|_, seen| seen == ["a", "b"]);
}

#[test]
fn a_broker_that_restarts_in_mid_transaction_is_waited_for() {
    let mut broker = DevBroker::start();
    let connection = connection_to(&broker);
    make(&connection, "results", 1, &[]);
    let topic = Arc::from("results");
    let mut sink = Sink::connect(&connection, options()).unwrap();
    sink.commit_with(&records(&topic, 0, &["a"]), || {
        broker.kill();
        broker.start_again();
    })
    .unwrap();
    sink.commit(&records(&topic, 0, &["b"])).unwrap();
    assert_eq!(values(&connection, &topic, 0), ["a", "b"]);
}

#[test]
fn read_ahead_is_bounded() {
    let mut broker = DevBroker::start();
    let connection = connection_to(&broker);
    make(&connection, "orders", 2, &[]);
    let topic: Arc<str> = Arc::from("orders");
    let mut sink = Sink::connect(&connection, options()).unwrap();
    let kilobyte = "x".repeat(1024);
    for partition in [0, 1] {
        for _ in 0..50 {
            sink.commit(&records(&topic, partition, &[kilobyte.as_str(); 64]))
                .unwrap();
        }
    }
    let options = SourceOptions {
        topic: "orders".into(),
        group_id: "job".into(),
        queued_kbytes: 64,
    };
    let mut source = Source::connect(&connection, &options, Arc::new(|| {})).unwrap();
    source.assign(0, 0).unwrap();
    source.assign(1, 0).unwrap();
    // By the time all of one has come, all of the other would have, too.
    eventually("the other partition", || {
        source.read(1, 1000, |_| {}).unwrap();
        match source.position(1) {
            3250 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    broker.kill();
    let mut ahead = 0;
    while source.read(0, 10_000, |_| ahead += 1).unwrap().records > 0 {}
    // The queue, and a fetch on top of it.
    assert!((1..=64 * 4).contains(&ahead), "{ahead} KiB of 3200");
}
