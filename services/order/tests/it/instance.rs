//! An instance of the service, which can be killed: its tasks and connections end wherever they are.

use std::time::Duration;

use order_service::order::{Address, Line, Wanted};
use order_service::{Needs, Orders, Request, Rules, store};
use service_common::database::{Database, DatabaseOptions};
use service_common::failure::Failure;
use service_common::idempotency::{Fingerprint, Scope};
use service_common::metrics::Metrics;
use service_common::outbox::Outbox;
use service_common::secret::MacKey;
use service_common::server::Lifecycle;
use tokio::runtime::Runtime;
use weir_rpc::common::v1::Money;
use weir_rpc::order::v1::OrderResponse;

use crate::others::Others;

pub(crate) const LEASE: Duration = Duration::from_secs(20);

pub(crate) struct Instance {
    pub(crate) runtime: Runtime,
    pub(crate) orders: Orders,
    pub(crate) database: Database,
    pub(crate) lifecycle: Lifecycle,
}

impl Instance {
    pub(crate) fn start(url: &str, others: &Others) -> Instance {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let mut options = DatabaseOptions::of(url.parse().unwrap());
        options.acquire_timeout = Duration::from_secs(30);
        options.statement_timeout = Duration::from_secs(30);
        let database = runtime
            .block_on(Database::open(&options, store::OWNER, store::STEPS))
            .unwrap();
        let lifecycle = Lifecycle::new();
        let orders = Orders::new(Needs {
            database: database.clone(),
            outbox: Outbox::new(),
            warehouse: Box::new(others.clone()),
            cashier: Box::new(others.clone()),
            secret: secret(),
            rules: Rules {
                lease: LEASE,
                ..Rules::default()
            },
            metrics: Metrics::new("test").unwrap(),
            lifecycle: lifecycle.clone(),
        });
        Instance {
            runtime,
            orders,
            database,
            lifecycle,
        }
    }

    /// Its tasks are dropped at their next await, its connections with them.
    pub(crate) fn kill(self) {
        self.runtime.shutdown_background();
    }

    pub(crate) fn take(&self, request: Request) -> Result<OrderResponse, Failure> {
        self.runtime.block_on(self.orders.take(request))
    }

    /// Lets everything that waits for its time be overdue.
    pub(crate) fn let_time_pass(&self) {
        self.runtime.block_on(async {
            // One at a time: the service locks the rows of both tables in its own sequence.
            for statement in [
                "UPDATE orders SET lease_until_ms = 0",
                "UPDATE orders SET attend_at_ms = 0 WHERE attend_at_ms IS NOT NULL",
                "UPDATE idempotency_keys SET lease_until_ms = 0",
            ] {
                let mut transaction = self.database.begin().await.unwrap();
                sqlx::query(statement).execute(&mut *transaction).await.unwrap();
                transaction.commit().await.unwrap();
            }
        });
    }

    pub(crate) fn attend(&self) {
        let stopping = self.lifecycle.stopping();
        self.runtime
            .block_on(self.orders.attend_overdue(&stopping))
            .unwrap();
    }

    pub(crate) fn number(&self, statement: &'static str) -> i64 {
        self.runtime
            .block_on(sqlx::query_scalar(statement).fetch_one(self.database.pool()))
            .unwrap()
    }
}

pub(crate) fn secret() -> MacKey {
    "a secret of the test".parse().unwrap()
}

/// A request for so many of one product, under this key.
pub(crate) fn request(key: &str, quantity: u32, method: Option<&str>) -> Request {
    let wanted = Wanted {
        lines: vec![Line {
            product_id: "kb-1".to_owned(),
            quantity,
            unit_price: None,
        }],
        address: Address {
            name: "Ada".to_owned(),
            line1: "1 Main Street".to_owned(),
            line2: String::new(),
            city: "London".to_owned(),
            postal_code: "N1".to_owned(),
            country: "GB".to_owned(),
        },
        method: method.map(str::to_owned),
    };
    let content = Money {
        minor_units: i64::from(quantity),
        currency: method.unwrap_or_default().to_owned(),
    };
    let scope = Scope::of("usr_1", "CreateOrder", key).unwrap();
    Request {
        user_id: "usr_1".to_owned(),
        wanted,
        key: scope.map(|scope| (scope, Fingerprint::of(&secret(), &content))),
    }
}
