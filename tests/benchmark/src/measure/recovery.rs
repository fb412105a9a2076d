//! How long it takes until a job that was killed is where it would be.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use test_support::address::free_address;
use test_support::patience::until;

use super::Bench;
use crate::http;
use crate::job::Job;
use crate::live::{Live, now_ms};
use crate::orders::Orders;
use crate::process::Process;
use crate::report::{Goal, Report, Unit, median};

/// Event time in the topic before the job is started: more than the live windows cover (window + lag + lateness).
const HISTORY_MS: i64 = 150_000;
/// How long the undisturbed job is watched before it is killed.
const WATCH: Duration = Duration::from_secs(6);
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(180);
/// Behind the wall clock by its lag (10 s), whole seconds and one period of commits: caught up, before the first kill.
const STEADY_MS: i64 = 13_000;

/// A kill and what followed.
struct Recovery {
    ready: Duration,
    caught_up: Duration,
    read_again: f64,
}

pub(super) fn measure(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let server = &bench.server;
    let topic = bench.name("recovery-orders");
    server.create_orders(&topic)?;
    let orders = Orders {
        first_ms: now_ms() - HISTORY_MS,
        per_second: bench.options.rate,
        disorder_ms: 200,
    };
    let live = Live::start(server.address(), &topic, orders)?;
    let job =
        Job::new(server, &bench.name("recovery"), &topic, bench.folder()).workers(bench.options.workers);
    let mut address = free_address();
    let mut process = job.follow(Some(address))?;
    until("the job has read the history", PATIENCE, || {
        process.ensure_running()?;
        live.ensure_running()?;
        Ok(seen(address).filter(|seen| seen.ready && seen.behind_ms <= STEADY_MS))
    })?;
    let mut recoveries = Vec::new();
    for _ in 0..bench.options.repeat {
        let undisturbed = watch(address, &mut process)?;
        let logged = job.log(0).len();
        address = free_address();
        let killed = process.kill()?;
        process = job.follow(Some(address))?;
        let (ready, caught_up) = catch_up(address, &mut process, &undisturbed, killed)?;
        live.ensure_running()?;
        let read_again =
            read_again(&job.log(logged)).context("the job's log does not say what it reads again")?;
        eprintln!(
            "killed: ready after {:.2} s, caught up after {:.2} s, {read_again} records read again",
            ready.as_secs_f64(),
            caught_up.as_secs_f64()
        );
        recoveries.push(Recovery {
            ready,
            caught_up,
            read_again,
        });
    }
    let written = live.stop()?;
    process.kill()?;
    job.bounded()?;
    job.ensure_exact(written).context("after the kills")?;
    tell(report, &recoveries);
    Ok(())
}

fn tell(report: &mut Report, recoveries: &[Recovery]) {
    let of = |figure: fn(&Recovery) -> f64| median(recoveries.iter().map(figure));
    report.figure(
        "recovery: records read again",
        of(|kill| kill.read_again),
        Unit::Count,
    );
    report.figure(
        "recovery: kill to read again",
        of(|kill| kill.ready.as_secs_f64()),
        Unit::S,
    );
    let caught_up = of(|kill| kill.caught_up.as_secs_f64());
    let goal = Goal::at_most(5.0, 2.0);
    report.goal("recovery: kill to caught up", caught_up, Unit::S, goal);
}

/// The job as its metrics show it.
struct Seen {
    /// What was committed before is read again.
    ready: bool,
    /// The watermark of the last commit, milliseconds since 1970.
    watermark_ms: i64,
    /// How far it is behind the wall clock.
    behind_ms: i64,
}

fn seen(address: SocketAddr) -> Option<Seen> {
    let answer = http::get(address, "/metrics")?;
    let metric = |name: &str| http::metric(&answer, name);
    let watermark_ms = (metric("order_analytics_watermark_seconds")? * 1_000.0) as i64;
    Some(Seen {
        ready: metric("order_analytics_ready")? >= 1.0,
        watermark_ms,
        behind_ms: now_ms() - watermark_ms,
    })
}

/// What a job that nobody disturbs looks like.
struct Undisturbed {
    watermark_ms: i64,
    behind_most_ms: i64,
}

fn watch(address: SocketAddr, process: &mut Process) -> Result<Undisturbed> {
    let (mut watermark_ms, mut behind_most_ms) = (0, 0);
    let deadline = Instant::now() + WATCH;
    while Instant::now() < deadline {
        process.ensure_running()?;
        if let Some(seen) = seen(address) {
            watermark_ms = seen.watermark_ms;
            behind_most_ms = behind_most_ms.max(seen.behind_ms);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Undisturbed {
        watermark_ms,
        behind_most_ms,
    })
}

/// From the kill until everything is read again, and until new commits are no further behind than before it.
fn catch_up(
    address: SocketAddr,
    process: &mut Process,
    undisturbed: &Undisturbed,
    killed: Instant,
) -> Result<(Duration, Duration)> {
    let mut ready = None;
    until("the job has caught up", PATIENCE, || {
        process.ensure_running()?;
        let Some(seen) = seen(address).filter(|seen| seen.ready) else {
            return Ok(None);
        };
        let ready = *ready.get_or_insert_with(|| killed.elapsed());
        let caught_up =
            seen.watermark_ms > undisturbed.watermark_ms && seen.behind_ms <= undisturbed.behind_most_ms;
        Ok(caught_up.then(|| (ready, killed.elapsed())))
    })
}

/// The number in the line that a start logs.
fn read_again(log: &str) -> Option<f64> {
    log.lines().rev().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line.get("records_to_read_again")?.as_f64()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_start_in_the_log_tells_what_is_read_again() {
        let log = "noise\n{\"records_to_read_again\":1}\n{\"records_to_read_again\":1300000,\"a\":1}\nx";
        assert_eq!(read_again(log), Some(1_300_000.0));
    }
}
