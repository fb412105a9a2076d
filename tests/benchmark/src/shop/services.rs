//! The services, each a process of its own, as in production.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use test_support::address::free_address;
use test_support::child::Child;
use test_support::patience::until;

use crate::http;
use crate::proc_fs;

/// How long a service may take to be ready.
const START: Duration = Duration::from_secs(30);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(15);
/// What the limits are raised to: on, and never reached.
const UNREACHED: &str = "10000000";
/// A port that nobody asks.
const ANY_PORT: &str = "--http-addr=127.0.0.1:0";
/// What secrets of a run are made of.
const SECRET: &str = "a secret of one run of the benchmark";

/// Where the services of a run have their data.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    /// For files.
    pub(crate) folder: &'a Path,
    /// The database of all, each in its own schema; files where there is none.
    pub(crate) postgres: Option<&'a str>,
    /// Kafka.
    pub(crate) broker: &'a str,
    /// How long an order may stay unpaid, as the order service reads it.
    pub(crate) unpaid_for: &'a str,
    /// The topic of the orders; that of the notifications has a name made of it.
    pub(crate) topic: &'a str,
}

impl Place<'_> {
    /// The URL of a service's database.
    pub(crate) fn database(&self, name: &str) -> String {
        match self.postgres {
            Some(url) => url.to_owned(),
            None => format!("sqlite:{}", self.folder.join(format!("{name}.db")).display()),
        }
    }

    /// The URL of a folder for files.
    fn files(&self, name: &str) -> String {
        format!("file://{}", self.folder.join(name).display())
    }

    /// The topic of what users are to be told.
    pub(crate) fn notifications(&self) -> String {
        format!("{}-notifications", self.topic)
    }

    fn key_file(&self) -> PathBuf {
        self.folder.join("token-key.pem")
    }
}

/// A running service.
pub(crate) struct Service {
    /// As it is called.
    pub(crate) name: &'static str,
    /// From its start to being ready.
    pub(crate) ready_after: Duration,
    child: Child,
}

impl Service {
    fn start(name: &'static str, arguments: &[String], http: SocketAddr, folder: &Path) -> Result<Service> {
        let log = folder.join(format!("{name}.log"));
        let started = Instant::now();
        let mut child = Child::spawn(&program(name)?, name, arguments, &[], &log)?;
        let ready_after = until(name, START, || {
            child.ensure_running()?;
            Ok(is_ready(http).then(|| started.elapsed()))
        })?;
        Ok(Service {
            name,
            ready_after,
            child,
        })
    }

    fn stop(mut self) -> Result<()> {
        self.child.terminate()?;
        let status = self.child.wait(STOP)?;
        ensure!(status.success(), "{}: {status}\n{}", self.name, self.child.tail());
        Ok(())
    }
}

/// All services of the shop.
pub(crate) struct Services {
    running: Vec<Service>,
    order: Vec<String>,
    order_http: SocketAddr,
    /// Where clients order.
    pub(crate) gateway: SocketAddr,
    /// Where products are put in.
    pub(crate) product: SocketAddr,
    /// What opens it.
    pub(crate) token: String,
    folder: PathBuf,
}

impl Services {
    /// Starts one after the other, each once those that it needs are ready.
    pub(crate) fn start(place: &Place<'_>) -> Result<Services> {
        let [user, product, payment, order] = std::array::from_fn(|_| free_address());
        let token = service_token(place)?;
        let calls = |port: SocketAddr, http: SocketAddr, name: &str| {
            vec![
                format!("--grpc-addr={port}"),
                format!("--metrics-addr={http}"),
                format!("--database-url={}", place.database(name)),
                "--log-level=warn".to_owned(),
            ]
        };
        let publishes = |topic: &str| {
            [
                format!("--kafka={}", place.broker),
                format!("--topic={topic}"),
                format!("--idempotency-secret={SECRET}"),
            ]
        };
        let asks = || {
            [
                format!("--user-service={user}"),
                format!("--service-token={token}"),
            ]
        };
        let mut services = Services {
            running: Vec::new(),
            order: Vec::new(),
            order_http: free_address(),
            gateway: free_address(),
            product,
            token: token.clone(),
            folder: place.folder.to_owned(),
        };

        let http = free_address();
        let mut arguments = calls(user, http, "user");
        arguments.extend(publishes(&place.notifications()));
        arguments.push(format!("--refresh-secret={SECRET}"));
        arguments.push(format!("--signing-key-file={}", place.key_file().display()));
        services.run("user-service", &arguments, http)?;

        let http = free_address();
        let mut arguments = calls(product, http, "product");
        arguments.extend(asks());
        arguments.push(format!("--images={}", place.files("images")));
        arguments.push(ANY_PORT.to_owned());
        services.run("product-service", &arguments, http)?;

        let http = free_address();
        let mut arguments = calls(payment, http, "payment");
        arguments.extend(publishes(&place.notifications()));
        arguments.extend(asks());
        arguments.push(format!("--order-service={order}"));
        arguments.push(ANY_PORT.to_owned());
        services.run("payment-service", &arguments, http)?;

        let mut arguments = calls(order, services.order_http, "order");
        arguments.extend(publishes(place.topic));
        arguments.extend(asks());
        arguments.push(format!("--product-service={product}"));
        arguments.push(format!("--payment-service={payment}"));
        arguments.push(format!("--unpaid-for={}", place.unpaid_for));
        arguments.push(format!("--documents={}", place.files("documents")));
        arguments.push(ANY_PORT.to_owned());
        services.order.clone_from(&arguments);
        services.run("order-service", &arguments, services.order_http)?;

        let metrics = free_address();
        let mut arguments = vec![
            format!("--http-addr={}", services.gateway),
            format!("--metrics-addr={metrics}"),
            format!("--product-service={product}"),
            format!("--order-service={order}"),
            format!("--payment-service={payment}"),
            "--log-level=warn".to_owned(),
        ];
        let limits = ["user", "user-burst", "address", "credentials", "account"];
        arguments.extend(limits.map(|limit| format!("--limit-{limit}={UNREACHED}")));
        arguments.extend(asks());
        services.run("api-gateway", &arguments, services.gateway)?;
        Ok(services)
    }

    fn run(&mut self, name: &'static str, arguments: &[String], http: SocketAddr) -> Result<()> {
        let service = Service::start(name, arguments, http, &self.folder)?;
        self.running.push(service);
        Ok(())
    }

    /// All of them.
    pub(crate) fn running(&self) -> &[Service] {
        &self.running
    }

    /// The memory of all, shared parts once, in KiB.
    pub(crate) fn pss_kib(&self) -> Result<u64> {
        let each = self.running.iter().map(|service| {
            let kib = proc_fs::pss_kib(service.child.id())?;
            eprintln!("{}: {} MB", service.name, kib >> 10);
            Ok(kib)
        });
        each.sum()
    }

    /// The processor time of all so far, of the threads that live.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let each = self.running.iter();
        each.map(|service| proc_fs::process_cpu(service.child.id())).sum()
    }

    /// Stops the order service; see [`Services::order_again`].
    pub(crate) fn without_orders(&mut self) -> Result<()> {
        let place = self
            .running
            .iter()
            .position(|service| service.name == "order-service");
        let place = place.context("the order service does not run")?;
        self.running.remove(place).stop()
    }

    /// Starts the order service again.
    pub(crate) fn order_again(&mut self) -> Result<()> {
        let arguments = self.order.clone();
        self.run("order-service", &arguments, self.order_http)
    }

    /// Stops all, the last one first.
    pub(crate) fn stop(self) -> Result<()> {
        self.running.into_iter().rev().try_for_each(Service::stop)
    }
}

fn is_ready(address: SocketAddr) -> bool {
    http::get(address, "/ready").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// A service's binary: beside this one.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    let all = "-p user-service -p product-service -p order-service -p payment-service -p api-gateway";
    ensure!(
        path.exists(),
        "{} is missing: build it by `cargo build --release {all}`",
        path.display()
    );
    Ok(path)
}

/// A token by which services, and this benchmark, are known; makes the key that it is signed with.
fn service_token(place: &Place<'_>) -> Result<String> {
    let issued = Command::new(program("user-service")?)
        .args(["issue-service-token", "--name", "benchmark", "--signing-key-file"])
        .arg(place.key_file())
        .output()?;
    let said = String::from_utf8_lossy(&issued.stderr);
    ensure!(issued.status.success(), "issue-service-token: {said}");
    Ok(String::from_utf8(issued.stdout)?.trim().to_owned())
}
