//! What the job takes while no orders come.

use std::time::Duration;

use anyhow::Result;
use test_support::address::free_address;
use test_support::patience::until;

use super::Bench;
use crate::fill;
use crate::http;
use crate::job::Job;
use crate::live::now_ms;
use crate::orders::Orders;
use crate::report::{Goal, Report, Unit};

/// Orders before the silence.
const ORDERS: u64 = 100_000;
/// Longer than the watermark's lag: by then the partitions are proven quiet.
const SETTLE: Duration = Duration::from_secs(15);

pub(super) fn measure(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let server = &bench.server;
    let topic = bench.name("idle-orders");
    server.create_orders(&topic)?;
    let orders = Orders {
        first_ms: now_ms() - 10_000,
        per_second: ORDERS / 10,
        disorder_ms: 500,
    };
    fill::fill(server.address(), &topic, &orders, ORDERS)?;
    let job = Job::new(server, &bench.name("idle"), &topic, bench.folder()).workers(bench.options.workers);
    let address = free_address();
    let mut process = job.follow(Some(address))?;
    until("the job is ready", Duration::from_secs(60), || {
        process.ensure_running()?;
        let answer = http::get(address, "/metrics");
        let consumed =
            answer.and_then(|answer| http::metric(&answer, "order_analytics_records_consumed_total"));
        // All partitions proven quiet, so that the last order is before the watermark, and committed.
        Ok(consumed.filter(|consumed| *consumed >= ORDERS as f64))
    })?;
    std::thread::sleep(SETTLE);

    let time = Duration::from_secs(bench.options.idle_seconds);
    let (before, committed) = (process.cpu()?, job.progress_end()?);
    std::thread::sleep(time);
    let busy = 100.0 * (process.cpu()? - before).as_secs_f64() / time.as_secs_f64();
    let commits = job.progress_end()? - committed;
    process.ensure_running()?;
    process.kill()?;
    report.goal(
        "idle: the job's CPU",
        busy,
        Unit::Percent,
        Goal::at_most(1.0, 0.1),
    );
    // Every transaction leaves a record and a marker.
    report.figure("idle: transactions meanwhile", (commits / 2) as f64, Unit::Count);
    Ok(())
}
