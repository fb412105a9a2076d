//! The protocol under random schedules: reading, quiet partitions, skew, crashes, bounded runs. The real source,
//! accumulation, changelog, collector and ledger run over a log in memory, and are judged against plain sums.
//!
//! A schedule is a seed. Every valid order is produced within half the lag after its event time, or ahead of it,
//! unless it is made late on purpose; the allowed lateness may change from one run to the next.

mod judge;
mod run;
mod schedule;
mod world;

use self::schedule::schedule;

const WINDOW: i64 = 10;
const LAG: i64 = 4;
const AHEAD: i64 = 12;

/// `WEIR_MODEL_SCHEDULES=100000 WEIR_MODEL_FIRST=0` runs more, or another part of them.
#[test]
fn windows_equal_the_log_under_any_schedule() {
    let number = |name: &str, default| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (schedules, first) = (number("WEIR_MODEL_SCHEDULES", 400), number("WEIR_MODEL_FIRST", 0));
    timely::execute_directly(move |worker| {
        let mut seen = [0; 5];
        for seed in first..first + schedules {
            let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| schedule(worker, seed)));
            let judged = match judged {
                Ok(judged) => judged,
                Err(fault) => {
                    eprintln!(
                        "schedule {seed} failed; run it alone with WEIR_MODEL_FIRST={seed} WEIR_MODEL_SCHEDULES=1"
                    );
                    std::panic::resume_unwind(fault);
                }
            };
            seen.iter_mut().zip(judged).for_each(|(sum, one)| *sum += one);
        }
        assert!(
            seen.iter().all(|sum| *sum > 0),
            "the schedules have done something: {seen:?}"
        );
        eprintln!(
            "{schedules} schedules: {} records, {} results, {} late, {} commits with rejects ahead of their cut, \
             progress lost {} times",
            seen[0], seen[1], seen[2], seen[3], seen[4]
        );
    });
}
