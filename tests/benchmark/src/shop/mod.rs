//! The shop: each service a process of its own, clients over REST, first on PostgreSQL and then on embedded parts, and
//! PostgreSQL by itself in the same run.

mod customers;
mod drain;
mod http;
mod load;
mod outbox;
mod pgbench;
mod postgres;
mod services;
mod soak;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use service_common::database::{Database, DatabaseOptions};
use test_support::databases::PostgresDatabase;

use self::load::{Outcome, Writer};
use self::postgres::Postgres;
use self::services::{Place, Services};
pub(crate) use self::soak::{SoakOptions, soak};
use crate::live::now_ms;
use crate::orders::PARTITIONS;
use crate::proc_fs;
use crate::report::{Goal, Report, Unit, percentile};
use crate::server::Server;

/// How many products are ordered and looked at.
const PRODUCTS: u32 = 1_000;

/// Measures the shop
///
/// Every answer must be the expected one, and every order that was answered with 201 must have been published: a run in
/// which that is not so is an error, not a figure.
#[derive(Debug, Args)]
pub(crate) struct ShopOptions {
    /// How long each measurement takes
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Clients that order as fast as they are answered, and of pgbench
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// Customers, each with a token of their own
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..))]
    customers: u16,
    /// Orders a second where their rate is constant
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,
    /// Events that wait to be published where the draining is measured
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..))]
    events: u32,
    /// A running PostgreSQL whose user may make databases, instead of one that is started
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// A running Apache Kafka instead of the development broker
    #[arg(long, value_name = "HOST:PORT")]
    kafka: Option<String>,
    /// Measure only on this; may be repeated
    #[arg(long, value_enum)]
    only: Vec<On>,
}

/// What the services keep their data in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum On {
    /// A server.
    Postgres,
    /// Files.
    Embedded,
}

impl On {
    fn words(self) -> &'static str {
        match self {
            On::Postgres => "PostgreSQL",
            On::Embedded => "embedded parts",
        }
    }
}

/// Measures what is asked for and prints the table.
pub(crate) fn run(options: &ShopOptions) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let setting = format!(
        "{}; {} s each, {} clients, {} customers, {PRODUCTS} products",
        proc_fs::machine(),
        options.seconds,
        options.clients,
        options.customers
    );
    eprintln!("{setting}");
    let mut report = Report::default();
    let measured = [On::Postgres, On::Embedded]
        .into_iter()
        .filter(|on| options.only.is_empty() || options.only.contains(on))
        .try_for_each(|on| {
            eprintln!("-- on {}", on.words());
            runtime
                .block_on(measure(options, on, &mut report))
                .context(on.words())
        });
    // What was measured before a failure is still worth reading.
    println!("{setting}\n\n{}\n{}", report.plain(), report.markdown());
    measured
}

async fn measure(options: &ShopOptions, on: On, report: &mut Report) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("benchmark-shop-").tempdir()?;
    let server = Server::start(options.kafka.as_deref())?;
    let measured = measure_with(options, on, folder.path(), &server, report).await;
    // It has a runtime of its own.
    let cleaned = tokio::task::spawn_blocking(move || server.clean_up()).await?;
    measured.and(cleaned)
}

async fn measure_with(
    options: &ShopOptions,
    on: On,
    folder: &Path,
    server: &Server,
    report: &mut Report,
) -> Result<()> {
    match on {
        On::Embedded => measure_in(options, folder, None, server, report).await,
        On::Postgres => {
            let postgres = Postgres::start(options.postgres.as_deref())?;
            let database = PostgresDatabase::make(&postgres.url).await;
            let measured = measure_in(options, folder, Some(&database.url), server, report).await;
            database.drop().await;
            let taken = measured?;
            let database = PostgresDatabase::make(&postgres.url).await;
            let time = Duration::from_secs(options.seconds);
            let alone = pgbench::measure(&database.url, options.clients.into(), time, folder).await;
            database.drop().await;
            let alone = alone?;
            report.figure("pgbench: the same transactions a second", alone, Unit::Count);
            report.goal(
                "orders, PostgreSQL: share of pgbench's",
                100.0 * taken / alone,
                Unit::Percent,
                Goal::at_least(25.0, 50.0),
            );
            return Ok(());
        }
    }
    .map(drop)
}

/// Measures one shop; gives how many orders it took a second.
async fn measure_in(
    options: &ShopOptions,
    folder: &Path,
    postgres: Option<&str>,
    server: &Server,
    report: &mut Report,
) -> Result<f64> {
    let place = Place {
        folder,
        postgres,
        broker: server.address(),
        unpaid_for: "15m",
        topic: &format!("bench-{}", now_ms()),
    };
    server.create_orders(place.topic)?;
    server.create(&place.notifications(), PARTITIONS)?;
    let on = if postgres.is_some() {
        On::Postgres
    } else {
        On::Embedded
    }
    .words();
    let mut services = Services::start(&place)?;
    for service in services.running() {
        let ms = service.ready_after.as_secs_f64() * 1e3;
        let name = format!("{}, {on}: start to ready", service.name);
        report.goal(&name, ms, Unit::Ms, Goal::at_most(1_000.0, 100.0));
    }
    eprintln!("the customers register ...");
    customers::products(services.product, &services.token).await?;
    let tokens = customers::customers(services.gateway, options.customers.into()).await?;
    let orders = customers::orders(&tokens);

    let time = Duration::from_secs(options.seconds);
    let cpu = services.cpu()?;
    let taken = load::closed(services.gateway, options.clients.into(), time, 201, &orders).await?;
    let each = (services.cpu()? - cpu).as_secs_f64() * 1e3 / taken.answered.max(1) as f64;
    let goal = match postgres {
        None => Some(Goal::at_least(1_000.0, 2_500.0)),
        Some(_) => None,
    };
    let name = format!("orders a second, {on}");
    match goal {
        Some(goal) => report.goal(&name, taken.rate, Unit::Count, goal),
        None => report.figure(&name, taken.rate, Unit::Count),
    }
    // Says what the machine would take if it had nothing else to do.
    let name = format!("CPU of all services for an order, {on}");
    report.figure(&name, each, Unit::Ms);
    let database = orders_database(&place).await?;
    outbox::settled(&database).await?;

    let steady = at_a_rate(options, &services, on, &orders, &database, report).await?;
    looks_at_products(options, &services, on, report).await?;
    let answered = taken.answered + steady.answered;
    let published = order_service::store::taken(&database).await?.published.len() as u64;
    ensure!(
        published == answered,
        "{answered} orders were answered with 201, {published} were published"
    );
    let kib = services.pss_kib()?;
    let name = format!("memory of all services, {on}");
    report.goal(&name, kib as f64 / 1_024.0, Unit::Mb, Goal::at_most(150.0, 80.0));

    services.without_orders()?;
    let rate = drain::measure(&database, place.topic, options.events, || services.order_again()).await?;
    report.goal(
        &format!("events drained a second, {on}"),
        rate,
        Unit::Count,
        Goal::at_least(5_000.0, 5_000.0),
    );
    database.close().await;
    services.stop()?;
    Ok(taken.rate)
}

/// Orders that come steadily: how long they take, and how long their events wait.
async fn at_a_rate(
    options: &ShopOptions,
    services: &Services,
    on: &str,
    orders: &Writer,
    database: &Database,
    report: &mut Report,
) -> Result<Outcome> {
    let since_ms = outbox::now_ms(database).await?;
    let time = Duration::from_secs(options.seconds);
    let mut steady = load::open(services.gateway, options.rate, time, 201, orders).await?;
    outbox::settled(database).await?;
    let name = |what: &str| format!("order at {}/s, {on}: {what}", options.rate);
    let latencies = &mut steady.latencies_ms;
    report.figure(&name("p50"), percentile(latencies, 0.5), Unit::Ms);
    report.goal(
        &name("p95"),
        percentile(latencies, 0.95),
        Unit::Ms,
        Goal::at_most(50.0, 15.0),
    );
    report.figure(&name("p99"), percentile(latencies, 0.99), Unit::Ms);
    let mut waits = outbox::waits_ms(database, since_ms).await?;
    report.figure(
        &name("event taken to delivered, p50"),
        percentile(&mut waits, 0.5),
        Unit::Ms,
    );
    report.goal(
        &name("event taken to delivered, p99"),
        percentile(&mut waits, 0.99),
        Unit::Ms,
        Goal::at_most(100.0, 20.0),
    );
    Ok(steady)
}

async fn looks_at_products(
    options: &ShopOptions,
    services: &Services,
    on: &str,
    report: &mut Report,
) -> Result<()> {
    let time = Duration::from_secs(options.seconds);
    let looks = customers::looks();
    let looked = load::closed(services.gateway, options.clients.into(), time, 200, &looks).await?;
    report.goal(
        &format!("GET /products/{{id}} a second, {on}"),
        looked.rate,
        Unit::Count,
        Goal::at_least(10_000.0, 30_000.0),
    );
    let mut latencies = looked.latencies_ms;
    let name = format!("GET /products/{{id}}, {on}: p99");
    report.figure(&name, percentile(&mut latencies, 0.99), Unit::Ms);
    Ok(())
}

/// The order service's database, to be looked at.
async fn orders_database(place: &Place<'_>) -> Result<Database> {
    let options = DatabaseOptions {
        pool_size: 2,
        ..DatabaseOptions::of(place.database("order").parse()?)
    };
    Ok(Database::open(&options, order_service::store::OWNER, order_service::store::STEPS).await?)
}
