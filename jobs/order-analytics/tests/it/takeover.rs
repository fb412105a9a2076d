//! One job id, one process.

use std::time::Duration;

use test_support::patience::eventually;
use test_support::servers::on_each_broker;

use crate::job::Job;
use crate::stage::{Stage, orders};

#[test]
fn a_second_process_takes_the_job_over_and_the_first_says_why_it_ends() {
    on_each_broker(|address| {
        let stage = Stage::new(address);
        stage.make("orders", 1);
        let mut all = orders(600, 4, 0);
        stage.write_orders(&all, 1);
        let mut first = Job::start(&stage.arguments(&[]));
        eventually("results", || {
            stage.read("results").pop().ok_or_else(|| "none".to_owned())
        });
        let second = Job::start(&stage.arguments(&["--workers", "2"]));
        eventually("readiness", || match second.get("/ready") {
            (200, _) => Ok(()),
            (_, body) => Err(body),
        });
        // The first learns of it when it next commits.
        let more = orders(800, 4, 150);
        stage.write_orders(&more, 1);
        all.extend(more);
        first.ends_with(76, Duration::from_secs(60));
        let told = first.stderr();
        assert!(
            told.contains("another process") && told.contains("longer than"),
            "{told}"
        );
        drop(second);
        Job::start(&stage.arguments(&["--bounded"])).ends_with(0, Duration::from_secs(60));
        stage.holds(&all, 60);
    });
}
