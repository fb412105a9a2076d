//! The long run in short: kills at random and at named moments, of the job and of the broker.

use std::num::NonZero;
use std::time::Duration;

use proof::kills::{Plan, run};
use test_support::servers::apache_kafka;

use crate::support::proof;

fn plan(workers: &[u32], seed: u64) -> Plan {
    Plan {
        proof: proof().to_owned(),
        kafka: None,
        workers: workers.to_vec(),
        seed,
        kills: 12,
        kills_a_round: 12,
        side_by_side: NonZero::<usize>::MIN,
        freeze: Duration::from_secs(2),
    }
}

#[track_caller]
fn exact(plan: &Plan) {
    let tally = run(plan, |_, _| {});
    assert!(tally.holds(), "{tally}\n{}", tally.faults.join("\n"));
    assert!(tally.kills >= plan.kills && tally.windows > 0, "{tally}");
    assert!(tally.by_commit > tally.windows, "{tally}");
}

#[test]
fn one_worker_survives_a_dozen_kills() {
    exact(&plan(&[1], 1));
}

#[test]
fn changing_workers_survive_a_dozen_kills() {
    exact(&plan(&[1, 2, 4], 2));
}

#[test]
fn changing_workers_survive_a_dozen_kills_on_apache_kafka() {
    if let Some(kafka) = apache_kafka() {
        exact(&Plan {
            kafka: Some(kafka),
            ..plan(&[1, 2, 4], 3)
        });
    }
}
