//! One run from start to check.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use order_analytics::{Handle, Settings, Status};
use service_common::metrics::Metrics;
use tokio::runtime::Runtime;
use weir_proto::Timestamp;

use crate::check::{self, Claims, Verdict};
use crate::clock::now_ms;
use crate::customers::{Counts, Customers};
use crate::failure::Failure;
use crate::folder::{Folder, Origin};
use crate::follow::{Followed, Follower};
use crate::generator::{ALLOWED_LATENESS_MS, Recipe};
use crate::input::{self, Input};
use crate::kafka::{Kafka, PARTITIONS, Retention, free_port};
use crate::logging;
use crate::options::Options;
use crate::platform::{self, Platform, Taken};
use crate::producer::{Outgoing, Producer, Progress};
use crate::screen::{Places, Screen, ShopPlaces, View, grouped, say};
use crate::shop::Shop;
use crate::signals::Signals;
use crate::topic_names::ORDERS;

/// How often the state is looked at.
const TICK: Duration = Duration::from_millis(50);

/// Runs everything until it is told to stop, then checks. Returns whether the check holds.
///
/// # Errors
/// Whatever kept it from coming to the check.
pub(crate) fn run(options: &Options) -> Result<bool, Failure> {
    let signals = Signals::take_over()?;
    let folder = Folder::open(options.data_dir.as_deref(), options.input.as_deref())
        .map_err(|error| Failure::usage(format!("{error:#}")))?;
    let screen = Screen::for_output(options.plain);
    let log = screen.is_table().then(|| folder.log());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("weir-io")
        .enable_all()
        .build()
        .context("cannot start the threads for I/O")?;
    let metrics = Metrics::new(api_gateway::NAME).context("cannot make metrics")?;
    let telemetry = {
        let _within = runtime.enter();
        logging::init(log.as_deref(), options.shop.otlp_endpoint.as_deref(), &metrics)?
    };
    free_port("--http-addr", options.http_addr)?;
    let (origin, input) = match &options.input {
        Some(path) => {
            let input = input::read(path, options.currency.as_deref());
            let both = input.and_then(|input| Ok((Origin::of_file(path)?, Some(input))));
            both.map_err(|error| Failure::usage(format!("--input: {error:#}")))?
        }
        None => (Origin::Invented, None),
    };
    let already_in = folder.admit(&origin)?;

    let retention = if input.is_some() {
        Retention::Endless
    } else {
        Retention::Twice(options.history)
    };
    // An input file's orders bear times of their own; the shop's are of now.
    let is_open = input.is_none() && !options.shop.no_shop;
    if is_open {
        // Taken last of all, when whoever is let in can order.
        free_port("--shop-addr", options.shop.shop_addr)?;
    }
    let taken = match is_open {
        true => Some(runtime.block_on(Taken::take(&options.shop, metrics))?),
        false => None,
    };
    let kafka = Kafka::start(&runtime, options.listen, folder.topics(), retention)?;
    let mut run = Run {
        options,
        before: kafka.order_ends()?,
        customers: None,
        ordered: Default::default(),
        bad: None,
        kafka,
        screen,
        signals,
        stop_announced: false,
        started: Instant::now(),
        progress: Arc::default(),
        follower: None,
        runtime: &runtime,
    };
    let (status, watermark) = match input {
        Some(input) => run.file(&folder, &origin, input, already_in)?,
        None => run.shop(&folder, taken)?,
    };
    let verdict = run.check(&folder, status, watermark)?;
    run.kafka.stop(&runtime);
    runtime.block_on(telemetry.finish());
    report(&verdict, &folder, options);
    Ok(verdict.faults.is_empty())
}

/// Fields are dropped in this sequence: what talks to the broker goes before it.
struct Run<'o> {
    options: &'o Options,
    /// For all that is asynchronous.
    runtime: &'o Runtime,
    follower: Option<Follower>,
    screen: Screen,
    signals: Signals,
    /// Whether it was said that a stop was asked for.
    stop_announced: bool,
    started: Instant,
    progress: Arc<Progress>,
    /// The ends of the orders' partitions before this run.
    before: BTreeMap<i32, i64>,
    /// Customers of our own, while they order.
    customers: Option<Customers>,
    /// What came of their orders.
    ordered: (Counts, Vec<String>),
    /// Records of this run that are no valid order, where that is known.
    bad: Option<u64>,
    kafka: Kafka,
}

impl Run<'_> {
    /// Invented orders: the past, then live until told to stop.
    fn shop(
        &mut self,
        folder: &Folder,
        taken: Option<Taken>,
    ) -> Result<(Status, Option<Timestamp>), Failure> {
        let now_ms = now_ms();
        let history_ms = i64::try_from(self.options.history.as_millis()).unwrap_or(i64::MAX);
        let newest_ms = self.kafka.newest_order_ms()?;
        let from_ms = newest_ms
            .map_or(i64::MIN, |newest_ms| newest_ms + 1)
            .max(now_ms - history_ms)
            // Other producers' orders may bear times to come.
            .min(now_ms);
        self.introduce(from_ms, newest_ms.is_some());
        let recipe = Recipe {
            seed: self.options.seed,
            rate: self.options.rate,
            disorder: self.options.disorder,
            bad: self.options.bad,
            duplicates: self.options.duplicates,
            late: self.options.late,
            currency: self.options.currency.clone().unwrap_or_else(|| "USD".to_owned()),
            partitions: PARTITIONS,
        };
        let settings = self.settings(folder, &recipe.currency);
        folder.note(&Origin::Invented)?;
        let shop = Shop::open(from_ms, recipe, self.producer()?)?;
        // The job starts when the past is all there: a partition that is still empty then would be given the clock of the
        // others, and its past would come too late.
        while !shop.is_live() && !shop.has_failed() && !self.signals.asked() {
            std::thread::sleep(TICK);
        }
        let job = self.start_job(settings)?;
        // The shop opens when the past is filled in: from then on `orders` bears the times of now.
        let platform = match taken {
            Some(taken) if !self.signals.asked() => Some(self.open_platform(folder, taken)?),
            _ => None,
        };
        self.show_places(folder, &job, platform.as_ref());
        if let (Some(platform), Some(rate)) = (&platform, self.options.shop.shop_rate) {
            self.customers = Some(Customers::start(self.runtime, platform.address(), rate)?);
        }

        let open_until = self.options.duration.map(|duration| Instant::now() + duration);
        while !self.signals.asked() && !shop.has_failed() && !job.is_finished() {
            if open_until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            self.tick(&job, "live");
        }
        self.announce_stop();
        if let Some(customers) = self.customers.take() {
            self.ordered = self.runtime.block_on(customers.stop());
        }
        if let Some(platform) = platform {
            let outbox = platform.outbox().to_owned();
            let sent = self.runtime.block_on(platform.stop());
            say(&format!(
                "{} messages to users, in {}",
                grouped(sent),
                outbox.display()
            ));
        }
        let closed = shop.close();
        let ended = self.finish(job);
        self.bad = Some(closed?);
        ended
    }

    /// A file's orders, all of them, and the job to their end.
    fn file(
        &mut self,
        folder: &Folder,
        origin: &Origin,
        input: Input,
        already_in: bool,
    ) -> Result<(Status, Option<Timestamp>), Failure> {
        input.summary.iter().for_each(|line| say(line));
        if already_in {
            say("the folder has these orders already: nothing to add");
        } else {
            folder.note(origin)?;
            let producer = self.producer()?;
            for record in &input.records {
                let outgoing = Outgoing {
                    timestamp_ms: record.at_ms,
                    partition: None,
                    key: record.key.as_deref(),
                    value: Some(&record.value),
                };
                producer.send(outgoing, self.signals.flag())?;
                if self.signals.asked() {
                    return Err(Failure::interrupted(format!(
                        "stopped while the file was being read in; {} holds a part of it: delete the folder",
                        folder.root().display()
                    )));
                }
            }
            producer.settle()?;
            folder.note_whole(origin)?;
        }
        let settings = self.settings(folder, &input.currency);
        let job = self.start_job(settings)?;
        self.show_places(folder, &job, None);
        self.finish(job)
    }

    fn introduce(&self, from_ms: i64, is_used: bool) {
        let from = Timestamp::from_millis(from_ms).map_or_else(|| "1970".to_owned(), |from| from.to_string());
        match is_used {
            true => say(&format!(
                "filling in the orders since {from}, after the {} here",
                grouped(self.before.values().sum::<i64>())
            )),
            false => say(&format!("filling in the orders since {from}")),
        }
    }

    fn producer(&self) -> Result<Producer> {
        Producer::new(
            &self.kafka.connection.bootstrap_servers,
            ORDERS,
            Arc::clone(&self.progress),
        )
    }

    fn settings(&self, folder: &Folder, currency: &str) -> Settings {
        Settings {
            bootstrap_servers: self.kafka.connection.bootstrap_servers.clone(),
            workers: usize::from(self.options.workers),
            orders_partitions: PARTITIONS,
            currency: currency.to_owned(),
            parquet: Some(folder.parquet().to_string_lossy().into_owned()),
            http_addr: Some(self.options.http_addr),
            allowed_lateness: Duration::from_millis(ALLOWED_LATENESS_MS.unsigned_abs()),
            ..Settings::default()
        }
    }

    fn open_platform(&self, folder: &Folder, taken: Taken) -> Result<Platform, Failure> {
        let (broker, shop) = (self.kafka.address(), folder.shop());
        let outbox = self.options.shop.outbox.clone();
        let outbox = outbox.unwrap_or_else(|| folder.outbox());
        let started = Platform::start(&self.options.shop, taken, &shop, outbox, broker);
        Ok(self.runtime.block_on(started).context("cannot open the shop")?)
    }

    fn start_job(&mut self, settings: Settings) -> Result<Handle, Failure> {
        self.follower = Some(Follower::start(&self.kafka.connection)?);
        Ok(order_analytics::start(settings)?)
    }

    fn show_places(&mut self, folder: &Folder, job: &Handle, platform: Option<&Platform>) {
        let log = self.screen.is_table().then(|| folder.log());
        self.screen.open(&Places {
            broker: self.kafka.address(),
            http: job.http_addr().unwrap_or(self.options.http_addr),
            shop: platform.map(|platform| ShopPlaces {
                address: platform.address(),
                curl: platform.curl(),
                outbox: platform.outbox().to_owned(),
            }),
            parquet: folder.parquet().join("analytics-results"),
            log,
        });
    }

    /// Lets the job read to the end and publish what is open; gives its last state, and the watermark before the end.
    fn finish(&mut self, job: Handle) -> Result<(Status, Option<Timestamp>), Failure> {
        let watermark = job.status().watermark;
        job.finish();
        while !job.is_finished() {
            self.announce_stop();
            self.tick(&job, "finishing");
        }
        let status = job.status();
        let outcome = job.join()?;
        if let Some(follower) = self.follower.take() {
            let rest = follower.finish(&self.kafka.connection)?;
            self.show(rest);
        }
        self.screen.close();
        Ok((
            Status {
                totals: outcome.totals,
                ..status
            },
            watermark,
        ))
    }

    /// Once a stop is asked for, gives the terminal back and says what is waited for.
    fn announce_stop(&mut self) {
        if self.signals.asked() && !self.stop_announced {
            self.stop_announced = true;
            self.screen.close();
            say("stopping: the job reads to the last order (once more Ctrl-C ends it at once)");
        }
    }

    fn tick(&mut self, job: &Handle, phase: &'static str) {
        self.show_results();
        let view = View {
            phase,
            elapsed: self.started.elapsed(),
            produced: self.progress.acknowledged(),
            customers: self.customers.as_ref().map(Customers::counts),
            status: job.status(),
            now_ms: now_ms(),
        };
        self.screen.draw(&view);
        std::thread::sleep(TICK);
    }

    fn show_results(&mut self) {
        if let Some(follower) = &self.follower {
            let arrived: Vec<Followed> = follower.arrived().collect();
            self.show(arrived);
        }
    }

    fn show(&mut self, followed: Vec<Followed>) {
        let mut new = Vec::new();
        for followed in followed {
            match followed {
                Followed::Old(result) => self.screen.remember(result),
                Followed::New(result) => new.push(result),
                Followed::Refused(reason) => self.screen.refused(reason),
            }
        }
        self.screen.results(new);
    }

    fn check(&mut self, folder: &Folder, status: Status, watermark: Option<Timestamp>) -> Result<Verdict> {
        say("");
        say("checking every window against SQL over the same orders ...");
        let claims = Claims {
            totals: status.totals,
            produced: self.progress.acknowledged(),
            bad: self.bad,
            before: self.before.clone(),
            watermark,
            taken: self.runtime.block_on(platform::orders_taken(&folder.shop()))?,
            unanswered: self.ordered.0.unanswered,
            answered: std::mem::take(&mut self.ordered.1),
        };
        check::run(self.runtime, &self.kafka.connection, claims)
    }
}

fn report(verdict: &Verdict, folder: &Folder, options: &Options) {
    for line in &verdict.lines {
        say(&format!("  {line}"));
    }
    for fault in &verdict.faults {
        say(&format!("  WRONG: {fault}"));
    }
    say(if verdict.faults.is_empty() {
        "check: holds"
    } else {
        "check: FAILED"
    });
    let places = Places {
        broker: options.listen,
        http: options.http_addr,
        shop: None,
        parquet: folder.parquet().join("analytics-results"),
        log: None,
    };
    say(&format!("Parquet in {}; read it with", places.parquet.display()));
    say(&format!("  {}", places.query()));
}
