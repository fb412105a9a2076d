//! The whole shop under kills, in short.

use std::time::Duration;

use proof::shop::{Plan, Tally, run};
use test_support::postgres_process::programs;
use test_support::servers::apache_kafka;

use crate::support::proof;

fn plan(seed: u64) -> Plan {
    Plan {
        proof: proof().to_owned(),
        postgres: None,
        kafka: None,
        seed,
        load: Duration::from_secs(20),
        clients: 4,
        kills: true,
    }
}

#[track_caller]
fn holds(plan: &Plan) -> Tally {
    let tally = run(plan);
    assert!(tally.holds(), "{tally}\n{}", tally.faults.join("\n"));
    println!("{tally}");
    assert!(
        tally.taken > 0 && tally.charges > 0 && tally.refunds > 0,
        "{tally}"
    );
    assert!(tally.windows > 0, "{tally}");
    tally
}

#[test]
fn on_files_and_the_development_broker_nothing_is_lost() {
    let tally = holds(&plan(1));
    assert!(tally.killed() > 4, "{tally}");
}

#[test]
fn on_postgresql_and_apache_kafka_nothing_is_lost() {
    let (Some(programs), Some(kafka)) = (programs(), apache_kafka()) else {
        return;
    };
    let tally = holds(&Plan {
        postgres: Some(programs),
        kafka: Some(kafka),
        ..plan(2)
    });
    assert!(tally.killed() > 4, "{tally}");
}
