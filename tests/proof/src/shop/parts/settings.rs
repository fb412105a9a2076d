//! The settings of the services.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::at;
use super::service::Service;

/// Every secret of the services: any that is long enough.
pub const SECRET: &str = "a secret of the proof";

/// What the settings are made of.
pub(super) struct Settings {
    /// Where the programs lie.
    pub(super) programs: PathBuf,
    /// Where files and logs go.
    pub(super) folder: PathBuf,
    /// The PostgreSQL of all services; without, each has a file.
    pub(super) postgres: Option<String>,
    pub(super) bootstrap: String,
    pub(super) orders: String,
    pub(super) notifications: String,
    pub(super) results: String,
    pub(super) user: SocketAddr,
    pub(super) product: SocketAddr,
    /// The instance that the gateway calls.
    pub(super) orders_a: SocketAddr,
    /// The instance that the payment service calls.
    pub(super) orders_b: SocketAddr,
    pub(super) payment: SocketAddr,
    pub(super) analytics: SocketAddr,
    pub(super) gateway: SocketAddr,
    /// The HTTP ports of product, order (both instances), payment and analytics.
    pub(super) http: BTreeMap<&'static str, SocketAddr>,
}

/// The services that have an HTTP port beside that of gRPC.
pub(super) const WITH_HTTP: [&str; 5] = ["product", "payment", "order-a", "order-b", "analytics"];

impl Settings {
    /// All services, in the sequence in which they are started.
    ///
    /// # Errors
    /// A program is missing, or no token can be had.
    pub(super) fn services(&self) -> Result<Vec<Service>> {
        let order = |name, at| {
            let mut arguments = self.stored("order");
            arguments.extend(self.publishes("--topic", &self.orders));
            arguments.extend(self.grpc_and_http(at, name));
            arguments.extend(self.called("order-service")?);
            arguments.push(super::at("--product-service", self.product));
            arguments.push(super::at("--payment-service", self.payment));
            arguments.push(self.files("documents"));
            Ok::<_, anyhow::Error>(arguments)
        };
        let mut user = self.stored("user");
        user.extend(self.publishes("--topic", &self.notifications));
        user.push(at("--grpc-addr", self.user));
        user.push(format!("--refresh-secret={SECRET}"));
        user.push(format!("--signing-key-file={}", self.key().display()));
        // No client logs in again.
        user.push("--access-token-for=2d".to_owned());

        let mut product = self.stored("product");
        product.extend(self.grpc_and_http(self.product, "product"));
        product.extend(self.called("product-service")?);
        product.push(self.files("images"));

        let mut payment = self.stored("payment");
        payment.extend(self.publishes("--topic", &self.notifications));
        payment.extend(self.grpc_and_http(self.payment, "payment"));
        payment.extend(self.called("payment-service")?);
        payment.push(at("--order-service", self.orders_b));
        payment.push(format!("--stripe-webhook-secret={SECRET}"));

        let mut analytics = vec![
            format!("--kafka={}", self.bootstrap),
            format!("--topic={}", self.results),
        ];
        analytics.extend(self.grpc_and_http(self.analytics, "analytics"));
        analytics.extend(self.called("analytics-service")?);

        let mut gateway = vec![
            at("--http-addr", self.gateway),
            at("--product-service", self.product),
            at("--order-service", self.orders_a),
            at("--payment-service", self.payment),
            at("--analytics-service", self.analytics),
        ];
        gateway.extend(self.called("api-gateway")?);
        for limit in ["user", "user-burst", "address", "credentials", "account"] {
            gateway.push(format!("--limit-{limit}=100000"));
        }

        // One instance keeps its name over a restart, the other waits for the lease it had.
        let mut order_a = order("order-a", self.orders_a)?;
        order_a.push("--relay-name=a".to_owned());
        Ok(vec![
            self.service("user", "user-service", user)?,
            self.service("product", "product-service", product)?,
            self.service("payment", "payment-service", payment)?,
            self.service("order-a", "order-service", order_a)?,
            self.service("order-b", "order-service", order("order-b", self.orders_b)?)?,
            self.service("analytics", "analytics-service", analytics)?,
            self.service("gateway", "api-gateway", gateway)?,
        ])
    }

    /// A token that the services believe to be this service's.
    ///
    /// # Errors
    /// The command fails.
    pub(super) fn service_token(&self, name: &str) -> Result<String> {
        let output = Command::new(self.program("user-service")?)
            .args(["issue-service-token", "--name", name, "--signing-key-file"])
            .arg(self.key())
            .output()?;
        ensure!(
            output.status.success(),
            "no token of {name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// The URL of a service's database, and what the names of its tables begin with.
    pub(super) fn database(&self, service: &str) -> (String, &'static str) {
        match &self.postgres {
            Some(url) => (
                url.clone(),
                if service == "payment" {
                    "payment_service."
                } else {
                    ""
                },
            ),
            None => {
                let file = self.folder.join(format!("{service}.db"));
                (format!("sqlite:{}", file.display()), "")
            }
        }
    }

    /// The file of the key of access tokens.
    pub(super) fn key(&self) -> PathBuf {
        self.folder.join("token.pem")
    }

    fn program(&self, name: &str) -> Result<PathBuf> {
        let program = self.programs.join(name);
        ensure!(
            program.is_file(),
            "{} is missing: `cargo build --workspace` makes it",
            program.display()
        );
        Ok(program)
    }

    fn service(&self, name: &'static str, program: &str, mut arguments: Vec<String>) -> Result<Service> {
        arguments.push("--metrics-addr=127.0.0.1:0".to_owned());
        Ok(Service {
            name,
            program: self.program(program)?,
            arguments,
            log: self.folder.join(format!("{name}.log")),
            served: 0,
            child: None,
        })
    }

    fn stored(&self, service: &str) -> Vec<String> {
        vec![format!("--database-url={}", self.database(service).0)]
    }

    fn publishes(&self, flag: &str, topic: &str) -> [String; 3] {
        [
            format!("--kafka={}", self.bootstrap),
            format!("{flag}={topic}"),
            format!("--idempotency-secret={SECRET}"),
        ]
    }

    /// Where files of this kind lie, as the flag that says so.
    fn files(&self, kind: &str) -> String {
        format!("--{kind}={}", self.folder.join(kind).display())
    }

    fn grpc_and_http(&self, grpc: SocketAddr, service: &str) -> [String; 2] {
        [at("--grpc-addr", grpc), at("--http-addr", self.http[service])]
    }

    fn called(&self, name: &str) -> Result<[String; 2]> {
        let token = self.service_token(name)?;
        Ok([
            at("--user-service", self.user),
            format!("--service-token={token}"),
        ])
    }
}
