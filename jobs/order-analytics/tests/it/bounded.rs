//! A bounded run: reads what is there, publishes every window, ends.

use std::time::Duration;

use test_support::servers::{on_each_broker, shared_dev_broker};
use weir_proto::AnalyticsResult;

use crate::job::Job;
use crate::stage::{Stage, orders};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_bounded_run_publishes_every_window_prints_it_and_ends() {
    on_each_broker(|address| {
        let stage = Stage::new(address);
        stage.make("orders", 3);
        let orders = orders(3_000, 10, 0);
        stage.write_orders(&orders, 3);
        let mut job = Job::start(&stage.arguments(&["--bounded", "--print", "--workers", "2"]));
        job.ends_with(0, LONG);
        stage.holds(&orders, 60);
        let printed: Vec<_> = job
            .stdout()
            .lines()
            .map(|line| AnalyticsResult::from_json(line.as_bytes()).unwrap())
            .collect();
        assert_eq!(printed, stage.results().into_values().collect::<Vec<_>>());

        // Nothing new: nothing is written.
        let before = stage.read("results").len() + stage.read("progress").len();
        Job::start(&stage.arguments(&["--bounded"])).ends_with(0, LONG);
        assert_eq!(stage.read("results").len() + stage.read("progress").len(), before);
    });
}

#[test]
fn a_reader_of_the_printed_results_that_goes_away_ends_nothing() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let orders = orders(3_000, 10, 0);
    stage.write_orders(&orders, 1);
    let mut job = Job::start_unread(&stage.arguments(&["--bounded", "--print"]));
    job.ends_with(0, LONG);
    stage.holds(&orders, 60);
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let orders = orders(600, 2, 0);
    stage.write_orders(&orders, 1);
    Job::start_unheard(&stage.arguments(&["--bounded"])).ends_with(0, LONG);
    stage.holds(&orders, 60);
}

#[test]
fn missing_topics_are_made_and_existing_ones_used_as_they_are() {
    let stage = Stage::new(&shared_dev_broker());
    Job::start(&stage.arguments(&["--bounded", "--orders-partitions", "5"])).ends_with(0, LONG);
    let topics = ["orders", "results", "dlq", "late", "progress"];
    assert_eq!(topics.map(|what| stage.partitions(what)), [5, 1, 1, 1, 1]);

    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 2);
    stage.make("results", 2);
    stage.make("dlq", 3);
    let orders = orders(500, 5, 0);
    stage.write_orders(&orders, 2);
    stage.write(1, ["garbage"]);
    for _ in 0..2 {
        Job::start(&stage.arguments(&["--bounded", "--orders-partitions", "5"])).ends_with(0, LONG);
        assert_eq!(stage.partitions("orders"), 2);
        stage.holds(&orders, 60);
        assert_eq!(stage.read("dlq").len(), 1);
    }
}

#[test]
fn a_bounded_run_is_revised_by_the_next_one() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let mut all = orders(100, 2, 0);
    stage.write_orders(&all, 1);
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, LONG);
    stage.holds(&all, 60);
    let more = orders(200, 2, 30);
    stage.write_orders(&more, 1);
    all.extend(more);
    Job::start(&stage.arguments(&["--bounded", "--workers", "3"])).ends_with(0, LONG);
    stage.holds(&all, 60);
    assert_eq!(stage.results()[&0].revision(), 1);
}

#[test]
fn a_lost_progress_record_doubles_nothing_however_often_the_run_ends() {
    let stage = Stage::new(&shared_dev_broker());
    stage.make("orders", 1);
    let orders = orders(600, 2, 0);
    stage.write_orders(&orders, 1);
    stage.write(0, (0..50).map(|number| format!("garbage {number}")));
    Job::start(&stage.arguments(&["--bounded"])).ends_with(0, LONG);
    // Another job id is a job without progress; the topics are those of before.
    let mut anew = stage.arguments(&["--bounded"]);
    let id = anew.iter().position(|argument| *argument == stage.name).unwrap();
    anew[id] = stage.topic("again");
    Job::start(&anew).ends_with(0, LONG);
    Job::start(&anew).ends_with(0, LONG);
    stage.holds(&orders, 60);
    assert_eq!(stage.read("dlq").len(), 50);
}
