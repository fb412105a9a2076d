//! A long time of steady orders that nobody pays: they expire, and nothing may grow.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::Args;
use service_common::database::Database;
use service_common::outbox;
use test_support::databases::PostgresDatabase;

use super::postgres::Postgres;
use super::services::{Place, Services};
use super::{customers, load, orders_database};
use crate::live::now_ms;
use crate::orders::PARTITIONS;
use crate::proc_fs;
use crate::report::percentile;
use crate::server::Server;

/// What a figure may grow by, from the moment orders expire to the end, as the line through its samples says.
const GROWTH: f64 = 0.10;
/// Differences below these are none: megabytes, orders under way and milliseconds come and go by so much.
const MEMORY_MB: f64 = 8.0;
const LATENCY_MS: f64 = 5.0;
/// How much longer than its time an unpaid order may be under way: the sweeper looks every half second.
const SWEEP: Duration = Duration::from_secs(5);

/// Lets orders come at a steady rate across the expiry of unpaid ones
///
/// Samples memory, outbox, orders under way and latency, and judges from the moment on at which orders expire as fast as
/// they come: a figure whose line rises is an error. Every answer must be 201.
#[derive(Debug, Args)]
pub(crate) struct SoakOptions {
    /// How long orders come
    #[arg(long, value_name = "DURATION", default_value = "20m", value_parser = service_common::duration::parse)]
    time: Duration,
    /// How long an order may stay unpaid, such as `15m` or `30s`
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = service_common::duration::parse)]
    unpaid_for: Duration,
    /// Orders a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,
    /// Customers; they log in again whenever their tokens run out
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    customers: u16,
    /// How often a sample is taken
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = service_common::duration::parse)]
    every: Duration,
    /// SQLite files instead of PostgreSQL
    #[arg(long)]
    embedded: bool,
    /// A running PostgreSQL whose user may make databases, instead of one that is started
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// What a moment is like.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Since the first order, in seconds.
    at_s: f64,
    memory_mb: f64,
    outbox: i64,
    /// Orders that wait to be paid.
    unpaid: i64,
    p95_ms: f64,
}

/// Runs it and prints each sample.
pub(crate) fn soak(options: &SoakOptions) -> Result<()> {
    ensure!(
        options.time > options.unpaid_for + 3 * options.every,
        "--time must be longer than --unpaid-for and three times --every"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    println!("{}", proc_fs::machine());
    let server = Server::start(None)?;
    runtime.block_on(async {
        if options.embedded {
            return run(options, None, &server).await;
        }
        let postgres = Postgres::start(options.postgres.as_deref())?;
        let database = PostgresDatabase::make(&postgres.url).await;
        let ran = run(options, Some(&database.url), &server).await;
        database.drop().await;
        ran
    })
}

async fn run(options: &SoakOptions, postgres: Option<&str>, server: &Server) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("benchmark-soak-").tempdir()?;
    let place = Place {
        folder: folder.path(),
        postgres,
        broker: server.address(),
        unpaid_for: &format!("{}ms", options.unpaid_for.as_millis()),
        topic: &format!("soak-{}", now_ms()),
    };
    server.create_orders(place.topic)?;
    server.create(&place.notifications(), PARTITIONS)?;
    let services = Services::start(&place)?;
    customers::products(services.product, &services.token).await?;
    let database = orders_database(&place).await?;
    let mut samples = Vec::new();
    let started = Instant::now();
    println!("seconds  memory MB  outbox  unpaid  p95 ms");
    let mut tokens = customers::customers(services.gateway, options.customers.into()).await?;
    let mut logged_in = Instant::now();
    while started.elapsed() < options.time {
        // Access tokens are good for a quarter of an hour.
        if logged_in.elapsed() > Duration::from_secs(600) {
            tokens = customers::customers(services.gateway, options.customers.into()).await?;
            logged_in = Instant::now();
        }
        let orders = customers::orders(&tokens);
        let mut came = load::open(services.gateway, options.rate, options.every, 201, &orders).await?;
        let sample = Sample {
            at_s: started.elapsed().as_secs_f64(),
            memory_mb: services.pss_kib()? as f64 / 1_024.0,
            outbox: outbox::depth(&database).await?.0,
            unpaid: unpaid(&database).await?,
            p95_ms: percentile(&mut came.latencies_ms, 0.95),
        };
        println!(
            "{:>7.0}  {:>9.1}  {:>6}  {:>6}  {:>6.1}",
            sample.at_s, sample.memory_mb, sample.outbox, sample.unpaid, sample.p95_ms
        );
        samples.push(sample);
    }
    super::outbox::settled(&database).await?;
    database.close().await;
    services.stop()?;
    judge(&samples, options)
}

async fn unpaid(database: &Database) -> Result<i64> {
    let statement = "SELECT COUNT(*) FROM orders WHERE state IN ('pending', 'reserved')";
    Ok(sqlx::query_scalar(statement).fetch_one(database.pool()).await?)
}

fn judge(samples: &[Sample], options: &SoakOptions) -> Result<()> {
    let steady = options.unpaid_for + options.every;
    let late: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.at_s >= steady.as_secs_f64())
        .collect();
    let most_unpaid = options.rate as f64 * (options.unpaid_for + SWEEP).as_secs_f64() * (1.0 + GROWTH);
    let mut faults = Vec::new();
    for (name, least, figure) in [
        (
            "memory",
            MEMORY_MB,
            (|sample| sample.memory_mb) as fn(&Sample) -> f64,
        ),
        ("p95", LATENCY_MS, |sample| sample.p95_ms),
    ] {
        let points: Vec<(f64, f64)> = late.iter().map(|sample| (sample.at_s, figure(sample))).collect();
        let (mean, rise) = line(&points);
        println!("{name}: {mean:.1} in the mean, {rise:+.1} from first to last");
        if rise > least && rise > GROWTH * mean {
            faults.push(format!("{name} rises by {rise:.1} from {mean:.1}"));
        }
    }
    for sample in late {
        let (at, unpaid, waiting) = (sample.at_s, sample.unpaid, sample.outbox);
        if unpaid as f64 > most_unpaid {
            faults.push(format!(
                "{unpaid} orders are unpaid after {at:.0} s: they do not expire in time"
            ));
        }
        if waiting > 10 * i64::try_from(options.rate)? {
            faults.push(format!("{waiting} events wait after {at:.0} s"));
        }
    }
    match faults.is_empty() {
        true => {
            println!("flat");
            Ok(())
        }
        false => bail!("not flat: {}", faults.join("; ")),
    }
}

/// The mean, and how much the line of least squares rises from the first point to the last.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len().max(1) as f64;
    let mean = |each: fn(&(f64, f64)) -> f64| points.iter().map(each).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut with, mut of) = (0.0, 0.0);
    for (x, y) in points {
        with += (x - mean_x) * (y - mean_y);
        of += (x - mean_x) * (x - mean_x);
    }
    let span = match points {
        [first, .., last] => last.0 - first.0,
        _ => 0.0,
    };
    let slope = if of > 0.0 { with / of } else { 0.0 };
    (mean_y, slope * span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_rises_as_its_points_do() {
        assert_eq!(line(&[(0.0, 5.0), (10.0, 5.0), (20.0, 5.0)]), (5.0, 0.0));
        let (mean, rise) = line(&[(0.0, 0.0), (10.0, 1.0), (20.0, 2.0)]);
        assert!((mean - 1.0).abs() < 1e-9 && (rise - 2.0).abs() < 1e-9);
        assert_eq!(line(&[]), (0.0, 0.0));
    }
}
