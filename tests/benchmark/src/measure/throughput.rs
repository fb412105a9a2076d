//! How fast a backlog is counted, beside librdkafka's floor over the same records.

use std::time::Duration;

use anyhow::Result;

use crate::fill;
use crate::floor;
use crate::job::Job;
use crate::live::now_ms;
use crate::orders::Orders;
use crate::process::Usage;
use crate::report::{Goal, Report, Unit, median};

use super::Bench;

/// Orders a second of event time.
const DENSITY: u64 = 10_000;
/// Less than the watermark's lag, so that no order is late.
const DISORDER_MS: u64 = 2_000;

pub(super) fn measure(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let (server, count) = (&bench.server, bench.options.orders);
    let topic = bench.name("orders");
    server.create_orders(&topic)?;
    let orders = Orders {
        first_ms: now_ms() - (count * 1_000 / DENSITY).cast_signed() - 1_000,
        per_second: DENSITY,
        disorder_ms: DISORDER_MS,
    };
    let broker_before = server.own().map(|own| own.cpu()).transpose()?;
    let filling = fill::fill(server.address(), &topic, &orders, count)?;
    report.figure(
        "orders written a second",
        count as f64 / filling.as_secs_f64(),
        Unit::Count,
    );
    if let (Some(own), Some(before)) = (server.own(), broker_before) {
        let cpu = own.cpu()?.saturating_sub(before);
        report.figure(
            "orders written a CPU-second of the broker",
            rate(count, cpu),
            Unit::Count,
        );
    }

    let (mut floors, mut jobs) = (Vec::new(), Vec::new());
    for round in 0..bench.options.repeat {
        let log = bench.folder().join("floor.log");
        floors.push(told("floor", count, floor::measure(server, &topic, count, &log)?));
        let id = bench.name(&format!("throughput-{round}"));
        let job = Job::new(server, &id, &topic, bench.folder()).workers(bench.options.workers);
        jobs.push(told("job", count, job.bounded()?));
        job.ensure_exact(count)?;
    }
    tell(bench, report, count, &floors, &jobs);
    Ok(())
}

/// Says at once what a run took.
fn told(name: &str, count: u64, usage: Usage) -> Usage {
    eprintln!(
        "{name}: {:.2} s of CPU in {:.2} s, {:.0} orders a CPU-second, {} MB",
        usage.cpu.as_secs_f64(),
        usage.wall.as_secs_f64(),
        rate(count, usage.cpu),
        usage.peak_kib >> 10
    );
    usage
}

fn tell(bench: &Bench<'_>, report: &mut Report, count: u64, floors: &[Usage], jobs: &[Usage]) {
    let of = |runs: &[Usage], figure: fn(u64, &Usage) -> f64| {
        median(runs.iter().map(|usage| figure(count, usage)))
    };
    let cpu_rate: fn(u64, &Usage) -> f64 = |count, usage| rate(count, usage.cpu);
    let wall_rate: fn(u64, &Usage) -> f64 = |count, usage| rate(count, usage.wall);
    let memory: fn(u64, &Usage) -> f64 = |_, usage| usage.peak_kib as f64 / 1024.0;

    let (floor, job) = (of(floors, cpu_rate), of(jobs, cpu_rate));
    report.figure("floor: records a CPU-second", floor, Unit::Count);
    report.figure("floor: records a second", of(floors, wall_rate), Unit::Count);
    report.figure("floor: peak memory", of(floors, memory), Unit::Mb);
    let goal = Goal::at_least(0.9e6, 1.2e6);
    report.goal("job: orders a CPU-second, exactly once", job, Unit::Count, goal);
    report.figure("job: orders a second", of(jobs, wall_rate), Unit::Count);
    report.figure("job: share of the floor", 100.0 * job / floor, Unit::Percent);
    let goal = Goal::at_most(150.0, 80.0);
    report.goal("job: peak memory", of(jobs, memory), Unit::Mb, goal);
    if let Some(own) = bench.server.own() {
        let peak = own.peak_kib() as f64 / 1024.0;
        report.figure("development broker: peak memory", peak, Unit::Mb);
    }
}

fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(0.01)
}
