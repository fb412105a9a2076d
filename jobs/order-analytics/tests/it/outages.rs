//! A broker that is not there yet, and one that comes and goes.

use std::time::Duration;

use test_support::address::free_address;
use test_support::dev_broker::DevBroker;
use test_support::patience::eventually;

use crate::job::Job;
use crate::stage::{Stage, orders};

const LONG: Duration = Duration::from_secs(90);

#[test]
fn a_broker_that_appears_later_is_waited_for() {
    let mut broker = DevBroker::at(free_address());
    let stage = Stage::new(&broker.address().to_string());
    let mut job = Job::start(&stage.arguments(&["--orders-partitions", "1"]));
    job.says("waiting for the Kafka broker");
    broker.start_again();
    eventually("readiness", || match job.get("/ready") {
        (200, _) => Ok(()),
        (_, body) => Err(body),
    });
    let orders = orders(600, 2, 0);
    stage.write_orders(&orders, 1);
    eventually("a window", || {
        stage.read("results").pop().ok_or_else(|| "none".to_owned())
    });
    drop(job);
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, LONG);
    stage.holds(&orders, 60);
}

#[test]
fn a_broker_that_restarts_in_mid_run_loses_and_doubles_nothing() {
    let mut broker = DevBroker::start();
    let stage = Stage::new(&broker.address().to_string());
    stage.make("orders", 1);
    let mut all = Vec::new();
    let mut job = Job::start(&stage.arguments(&["--parquet", "memory:"]));
    for round in 0..4 {
        let more = orders(400, 4, round * 100);
        stage.write_orders(&more, 1);
        stage.write(0, [format!("garbage of round {round}")]);
        all.extend(more);
        // The first window of this round is out.
        eventually("a window of this round", || {
            let known = stage.results().keys().max().copied().unwrap_or(-60);
            if known >= round * 100 - 60 {
                Ok(())
            } else {
                Err(format!("{known}"))
            }
        });
        broker.kill();
        if round == 0 {
            eventually("the broker is away for the job", || {
                let up = job.metric("order_analytics_broker_up");
                if up == 0 { Ok(()) } else { Err(format!("{up}")) }
            });
        }
        broker.start_again();
    }
    eventually("the broker is there again for the job", || {
        let up = job.metric("order_analytics_broker_up");
        if up == 1 { Ok(()) } else { Err(format!("{up}")) }
    });
    assert_eq!(job.metric("order_analytics_replay_mismatches_total"), 0);
    job.signal(nix::sys::signal::Signal::SIGTERM);
    job.ends_with(0, Duration::from_secs(30));
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, LONG);
    stage.holds(&all, 60);
    assert_eq!(stage.read("dlq").len(), 4);
}
