//! A broker that can write nothing for a while, under a job that goes on.

use std::io::{Read, Write};
use std::net::TcpStream;

use proof::feed::Shape;
use test_support::broker_process::BrokerProcess;
use test_support::patience::until;

use crate::support::{PATIENCE, proof, stage};

const SECOND: i64 = 1_000;

#[test]
fn a_broker_whose_disk_is_full_is_complained_of_and_waited_for_and_costs_nothing() {
    let broker = BrokerProcess::start(proof()).unwrap();
    let shape = Shape {
        window_ms: 5 * SECOND,
        lag_ms: SECOND,
        lateness_ms: 60 * SECOND,
        slack_ms: 30 * SECOND,
        rate: 40.0,
        disorder_ms: 500,
        ..Shape::default()
    };
    let (mut stage, mut feed) = stage(broker.address(), "full-disk", shape);
    // Shorter than the disk is full: a transaction is given up, and its orders come again in another.
    stage.job.more = ["--transaction-timeout", "3s"].map(str::to_owned).into();
    stage.write(&mut feed, 30 * SECOND).unwrap();
    let mut job = stage.job.follow().unwrap();
    stage.await_results(4, PATIENCE).unwrap();

    // What is to be counted lies there when the disk is full.
    job.freeze().unwrap();
    stage.write(&mut feed, 30 * SECOND).unwrap();
    broker.fill_the_disk().unwrap();
    job.thaw().unwrap();
    for complaint in [
        "its disk may be full",
        "the commit is tried again until it stands",
    ] {
        until(complaint, PATIENCE, || {
            job.ensure_running()?;
            Ok(stage.job.said().contains(complaint).then_some(()))
        })
        .unwrap();
    }
    assert!(transaction_failures(&stage.job.said()) > 0);
    let before = stage.results().unwrap().len();

    broker.make_room().unwrap();
    stage.await_results(before + 5, PATIENCE).unwrap();
    job.terminate().unwrap();
    let status = job.wait(PATIENCE).unwrap();
    assert!(status.success(), "{status}: {}", job.tail());
    stage.job.finish().unwrap();
    stage.judge().unwrap().assert_holds();
}

/// What the job that wrote this log counts on its page of metrics.
fn transaction_failures(log: &str) -> u64 {
    let line = log
        .lines()
        .find(|line| line.contains("serving /metrics"))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let mut stream = TcpStream::connect(line["address"].as_str().unwrap()).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let count = page
        .lines()
        .find_map(|line| line.strip_prefix("order_analytics_transaction_failures_total "));
    count.unwrap_or_else(|| panic!("{page}")).parse().unwrap()
}
