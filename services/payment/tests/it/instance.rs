//! The payments of a test: on its database, with others in memory.

use std::time::Duration;

use payment_service::payment::{Payment, Purpose, Status};
use payment_service::provider::Provider;
use payment_service::{Asked, Key, Needs, Payments, Request, Rules, store};
use service_common::database::{Database, DatabaseOptions};
use service_common::failure::Failure;
use service_common::idempotency::{Fingerprint, Scope};
use service_common::metrics::Metrics;
use service_common::outbox::Outbox;
use service_common::secret::MacKey;
use service_common::server::Lifecycle;
use sqlx::Row as _;
use weir_rpc::payment::v1::{PaymentRequest, PaymentResponse};

use crate::line::Line;
use crate::others::{Bank, Desk, usd};

/// Far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Instance {
    pub(crate) database: Database,
    pub(crate) payments: Payments,
    pub(crate) line: Line,
    pub(crate) desk: Desk,
    pub(crate) bank: Bank,
    pub(crate) metrics: Metrics,
}

pub(crate) fn secret() -> MacKey {
    "a secret of the test".parse().unwrap()
}

/// Rules under which nothing happens because a test is slow.
pub(crate) fn rules() -> Rules {
    Rules {
        lease: Duration::from_secs(3_600),
        work: Duration::from_secs(600),
        patience: PATIENCE,
        action_time: Duration::from_secs(3_600),
        refund_attempts: 3,
        ..Rules::default()
    }
}

pub(crate) async fn open(url: &str) -> Database {
    let options = DatabaseOptions {
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        ..DatabaseOptions::of(url.parse().unwrap())
    };
    Database::open(&options, store::OWNER, store::STEPS)
        .await
        .unwrap()
}

impl Instance {
    pub(crate) async fn new(url: &str) -> Instance {
        Instance::with(url, rules()).await
    }

    pub(crate) async fn with(url: &str, rules: Rules) -> Instance {
        Instance::at(url, rules, |_, bank| Box::new(bank.clone())).await
    }

    /// With another provider than the bank.
    pub(crate) async fn at(
        url: &str,
        rules: Rules,
        provider: impl FnOnce(&Database, &Bank) -> Box<dyn Provider>,
    ) -> Instance {
        let database = open(url).await;
        let line = Line::new();
        let (desk, bank) = (Desk::new(&line), Bank::new(&line));
        let metrics = Metrics::new("test").unwrap();
        let payments = Payments::new(Needs {
            database: database.clone(),
            outbox: Outbox::new(),
            desk: Box::new(desk.clone()),
            provider: provider(&database, &bank),
            secret: secret(),
            rules,
            metrics: metrics.clone(),
            lifecycle: Lifecycle::new(),
        });
        Instance {
            database,
            payments,
            line,
            desk,
            bank,
            metrics,
        }
    }

    /// The user of an order pays it, without a key.
    pub(crate) async fn pay(&self, order_id: &str, method: &str) -> Result<PaymentResponse, Failure> {
        self.payments.process(request(order_id, method, None)).await
    }

    /// An order of `usr_1` that is paid, and its payment.
    pub(crate) async fn paid(&self, order_id: &str) -> String {
        self.desk.take(order_id, "usr_1");
        let answer = self.pay(order_id, "good").await.unwrap();
        assert_eq!(answer.status(), Status::Succeeded.to_rpc());
        answer.payment_id
    }

    /// Stores a payment without driving it, as a process leaves it that died right after.
    pub(crate) async fn promise(&self, order_id: &str, method: &str) -> Payment {
        let mut transaction = self.database.begin().await.unwrap();
        let payment = Payment::new(Payment::new_id(), purpose(order_id, method), 0);
        let inserted = store::insert(&mut transaction, &payment).await.unwrap();
        assert_eq!(inserted, store::Inserted::Yes);
        transaction.commit().await.unwrap();
        payment
    }

    pub(crate) async fn payment(&self, id: &str) -> Payment {
        store::get(&self.database, id).await.unwrap().unwrap()
    }

    pub(crate) async fn status(&self, id: &str) -> Status {
        self.payment(id).await.status()
    }

    /// So much time that every lease has run out: drivers that still hold one are dead or have lost it.
    pub(crate) async fn leases_run_out(&self) {
        self.execute("UPDATE payments SET lease_until_ms = 0").await;
    }

    pub(crate) async fn execute(&self, statement: &'static str) {
        let mut transaction = self.database.begin().await.unwrap();
        sqlx::query(statement).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// A round of the sweeper after all pauses.
    pub(crate) async fn sweep(&self) {
        self.execute("UPDATE payments SET attend_at_ms = 0 WHERE attend_at_ms IS NOT NULL")
            .await;
        self.payments.attend_overdue().await.unwrap();
    }

    /// Sweeps until the payment is as it is wanted.
    pub(crate) async fn sweep_until(&self, id: &str, wanted: impl Fn(&Payment) -> bool) -> Payment {
        let swept = tokio::time::timeout(PATIENCE, async {
            loop {
                let payment = self.payment(id).await;
                if wanted(&payment) {
                    return payment;
                }
                self.sweep().await;
            }
        });
        match swept.await {
            Ok(payment) => payment,
            Err(_) => panic!("still {:?}", self.payment(id).await),
        }
    }

    /// Waits, without sweeping, until the payment is as it is wanted.
    pub(crate) async fn wait_until(&self, id: &str, wanted: impl Fn(&Payment) -> bool) -> Payment {
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                let payment = self.payment(id).await;
                if wanted(&payment) {
                    return payment;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        match waited.await {
            Ok(payment) => payment,
            Err(_) => panic!("still {:?}", self.payment(id).await),
        }
    }

    /// Waits until a metric stands so: what is counted is counted after the commit.
    pub(crate) async fn wait_for_metric(&self, line: &str) {
        let stands = async {
            while !self.metrics.scrape().unwrap().contains(line) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, stands).await.is_err() {
            panic!("there is no `{line}` in\n{}", self.metrics.scrape().unwrap());
        }
    }

    /// What the users are told, in its sequence: the key, the template and the payment.
    pub(crate) async fn told(&self) -> Vec<(String, String, String)> {
        let rows =
            sqlx::query("SELECT record_key, payload FROM outbox_events ORDER BY created_at_ms, version")
                .fetch_all(self.database.pool())
                .await
                .unwrap();
        let told = rows.iter().map(|row| {
            let payload: serde_json::Value = serde_json::from_str(row.get("payload")).unwrap();
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            (
                row.get("record_key"),
                text(&payload["template"]),
                text(&payload["data"]["payment_id"]),
            )
        });
        told.collect()
    }

    pub(crate) async fn payments_of(&self, order_id: &str) -> Vec<Payment> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM payments WHERE order_id = $1")
            .bind(order_id)
            .fetch_all(self.database.pool())
            .await
            .unwrap();
        let mut payments = Vec::new();
        for id in ids {
            payments.push(self.payment(&id).await);
        }
        payments
    }
}

pub(crate) fn purpose(order_id: &str, method: &str) -> Purpose {
    Purpose {
        order_id: order_id.to_owned(),
        user_id: "usr_1".to_owned(),
        price: usd(1_000),
        method: method.to_owned(),
    }
}

/// A request of `usr_1` to pay 10 dollars.
pub(crate) fn request(order_id: &str, method: &str, key: Option<&str>) -> Request {
    let purpose = purpose(order_id, method);
    let message = PaymentRequest {
        order_id: order_id.to_owned(),
        amount: Some(purpose.price.clone().into()),
        method: method.to_owned(),
        idempotency_key: String::new(),
    };
    let key = key.map(|key| Key {
        scope: Scope::of("usr_1", "ProcessPayment", key).unwrap().unwrap(),
        fingerprint: Fingerprint::of(&secret(), &message),
    });
    Request { purpose, key }
}

pub(crate) fn asked(payment_id: &str, order_id: &str, method: &str) -> Asked {
    Asked {
        payment_id: payment_id.to_owned(),
        purpose: purpose(order_id, method),
    }
}
