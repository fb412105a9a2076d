//! The parts of the shop as processes that are killed and started again.

mod goods;
mod region;
mod service;
mod settings;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use test_support::address::free_address;
use test_support::broker_process::BrokerProcess;
use test_support::child::Child;
use test_support::postgres_process::PostgresProcess;

pub use self::goods::Goods;
use self::service::Service;
pub use self::settings::SECRET;
use self::settings::{Settings, WITH_HTTP};
use super::Plan;
use crate::harness::Job;
use crate::kafka::Admin;
use crate::oracle::{Rules, Topics};

/// Partitions of the orders topic.
const PARTITIONS: i32 = 4;
/// Longer than any outage and what follows it: an order that is late is a fault.
const LATENESS_MS: i64 = 180_000;

/// A part that can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What may be killed beside itself is started before it.
    Database,
    Broker,
    Service(&'static str),
    Job,
}

impl Part {
    /// As in the tally.
    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Database => "database",
            Part::Broker => "broker",
            Part::Service(name) => name,
            Part::Job => "job",
        }
    }
}

/// Everything that runs.
pub struct Shop {
    // In the sequence in which they are dropped: who is asked last.
    job: Job,
    running_job: Option<Child>,
    services: Vec<Service>,
    broker: Option<BrokerProcess>,
    database: Option<PostgresProcess>,
    bootstrap: String,
    settings: Settings,
    folder: TempDir,
}

impl Shop {
    /// Starts everything, on ports, files and topics of its own.
    ///
    /// # Errors
    /// Something does not come up.
    pub fn start(plan: &Plan) -> Result<Shop> {
        let folder = tempfile::Builder::new().prefix("weir-shop-").tempdir()?;
        let database = plan.postgres.as_deref().map(PostgresProcess::start).transpose()?;
        let broker = match &plan.kafka {
            None => Some(BrokerProcess::start(&plan.proof)?),
            Some(_) => None,
        };
        let broker_address = broker.as_ref().map(BrokerProcess::address);
        let bootstrap = plan
            .kafka
            .as_deref()
            .or(broker_address)
            .unwrap_or_default()
            .to_owned();
        let job = job(plan, &bootstrap, folder.path())?;
        let admin = Admin::new(&bootstrap)?;
        let notifications = format!("{}-notifications", job.id);
        admin.create(&job.topics.orders, PARTITIONS, &[])?;
        admin.create(&notifications, 1, &[])?;
        let programs = plan.proof.parent().context("a program lies in a folder")?;
        let settings = Settings {
            programs: programs.to_owned(),
            folder: folder.path().to_owned(),
            postgres: database.as_ref().map(PostgresProcess::url),
            bootstrap: bootstrap.clone(),
            orders: job.topics.orders.clone(),
            notifications,
            results: job.topics.results.clone(),
            user: free_address(),
            product: free_address(),
            orders_a: free_address(),
            orders_b: free_address(),
            payment: free_address(),
            analytics: free_address(),
            gateway: free_address(),
            http: WITH_HTTP.map(|service| (service, free_address())).into(),
        };
        let services = settings.services()?;
        let mut shop = Shop {
            running_job: None,
            services,
            broker,
            database,
            bootstrap,
            job,
            settings,
            folder,
        };
        shop.all_up()?;
        Ok(shop)
    }

    /// Where clients order, as a URL.
    #[must_use]
    pub fn gateway(&self) -> String {
        format!("http://{}", self.settings.gateway)
    }

    /// Where clients order.
    #[must_use]
    pub fn gateway_address(&self) -> SocketAddr {
        self.settings.gateway
    }

    /// The gRPC port of `user`, `product`, `payment`, `order-a`, `order-b` or `analytics`.
    ///
    /// # Panics
    /// It is none of them.
    #[must_use]
    pub fn grpc(&self, service: &str) -> SocketAddr {
        let settings = &self.settings;
        match service {
            "user" => settings.user,
            "product" => settings.product,
            "payment" => settings.payment,
            "order-a" => settings.orders_a,
            "order-b" => settings.orders_b,
            "analytics" => settings.analytics,
            other => panic!("`{other}` has no gRPC port"),
        }
    }

    /// The HTTP port of `product`, `payment`, `order-a`, `order-b` or `analytics`.
    ///
    /// # Panics
    /// It is none of them.
    #[must_use]
    pub fn http(&self, service: &str) -> SocketAddr {
        self.settings.http[service]
    }

    /// A token that the services believe to be this service's.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn service_token(&self, name: &str) -> Result<String> {
        self.settings.service_token(name)
    }

    /// The file of the key that signs access tokens.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.settings.key()
    }

    /// The URLs of all databases.
    #[must_use]
    pub fn databases(&self) -> Vec<String> {
        let mut urls = ["user", "product", "order", "payment"]
            .map(|service| self.settings.database(service).0)
            .to_vec();
        urls.dedup();
        urls
    }

    /// The job and its topics.
    pub(super) fn job(&self) -> &Job {
        &self.job
    }

    /// Where the payment service keeps its rows, and what their names begin with.
    pub(super) fn payments(&self) -> (String, &'static str) {
        self.settings.database("payment")
    }

    /// Puts products and their stock in.
    ///
    /// # Errors
    /// The product service refuses them.
    pub fn fill_the_shelves(&self) -> Result<Goods> {
        goods::fill(
            self.settings.product,
            &self.settings.service_token("shop-keeper")?,
        )
    }

    /// What can be killed.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::Job];
        parts.extend(self.services.iter().map(|service| Part::Service(service.name)));
        parts.extend(self.broker.is_some().then_some(Part::Broker));
        parts.extend(self.database.is_some().then_some(Part::Database));
        parts
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// It had ended by itself: the end of its log is in the error.
    pub(super) fn kill(&mut self, part: Part) -> Result<()> {
        match part {
            Part::Database => self.database.as_mut().map_or(Ok(()), PostgresProcess::kill),
            Part::Broker => self.broker.as_mut().map_or(Ok(()), BrokerProcess::kill),
            Part::Job => self.running_job.take().map_or(Ok(()), Child::kill),
            Part::Service(name) => {
                let service = self.services.iter_mut().find(|service| service.name == name);
                service.map_or(Ok(()), Service::kill)
            }
        }
    }

    /// Starts whatever was killed, what others need first.
    ///
    /// # Errors
    /// Something does not come up.
    pub(super) fn all_up(&mut self) -> Result<()> {
        if let Some(database) = &mut self.database {
            database.restart()?;
        }
        if let Some(broker) = &mut self.broker {
            broker.restart()?;
        }
        for service in &mut self.services {
            service.start()?;
        }
        for service in &mut self.services {
            service.await_serving()?;
        }
        match &mut self.running_job {
            Some(job) => job.ensure_running()?,
            None => self.running_job = Some(self.job.follow()?),
        }
        Ok(())
    }

    /// Stops the job and closes every window.
    ///
    /// # Errors
    /// The job fails.
    pub(super) fn close_the_windows(&mut self) -> Result<()> {
        self.kill(Part::Job)?;
        self.job.finish()
    }

    /// Stops the services by SIGTERM.
    ///
    /// # Errors
    /// One ends otherwise than with 0.
    pub(super) fn stop_services(&mut self) -> Result<()> {
        self.services.iter_mut().rev().try_for_each(Service::stop)
    }

    /// What the processes have said and never should.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.job.complaints();
        complaints.extend(self.services.iter().flat_map(Service::complaints));
        complaints
    }

    /// Deletes the topics, where the broker is others' as well.
    ///
    /// # Errors
    /// It refuses.
    pub(super) fn delete_topics(&self) -> Result<()> {
        if self.broker.is_some() {
            return Ok(());
        }
        let admin = Admin::new(&self.bootstrap)?;
        let topics = &self.job.topics;
        for topic in [
            &topics.orders,
            &topics.results,
            &topics.dlq,
            &topics.late,
            &topics.progress,
            &self.settings.notifications,
        ] {
            if !crate::kafka::partitions(&self.bootstrap, topic)?.is_empty() {
                admin.delete(topic)?;
            }
        }
        Ok(())
    }

    /// Keeps logs and databases after the run, and says where.
    pub(super) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// A job on topics of this run's own.
fn job(plan: &Plan, bootstrap: &str, folder: &Path) -> Result<Job> {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock stands before 1970")?;
    let id = format!("shop-{}-{}", since_epoch.as_millis(), std::process::id());
    ensure!(!bootstrap.is_empty(), "there is no broker");
    Ok(Job {
        proof: plan.proof.clone(),
        bootstrap: bootstrap.to_owned(),
        topics: Topics {
            orders: format!("{id}-orders"),
            results: format!("{id}-results"),
            dlq: format!("{id}-dlq"),
            late: format!("{id}-late"),
            progress: format!("{id}-progress"),
        },
        id,
        workers: 2,
        rules: Rules {
            window_ms: 5_000,
            lag_ms: 2_000,
            lateness_ms: LATENESS_MS,
            ahead_ms: 60_000,
            currency: "USD".to_owned(),
            // No order has this id: none may be late.
            may_be_late: "late".to_owned(),
        },
        parquet: folder.join("parquet"),
        log: folder.join("job.log"),
        fail: None,
        more: vec!["--transaction-timeout".to_owned(), "120s".to_owned()],
    })
}

/// `--flag=address`.
fn at(flag: &str, address: SocketAddr) -> String {
    format!("{flag}={address}")
}
