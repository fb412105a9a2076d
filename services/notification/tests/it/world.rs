//! Stand-ins for those around the desk, and records as they come.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use notification_service::NAME;
use notification_service::claims::{Claims, DatabaseClaims, OWNER, STEPS, Terms};
use notification_service::dead_letters::DeadLetters;
use notification_service::desk::Desk;
use notification_service::people::{People, Person};
use notification_service::record::{Record, Source};
use notification_service::sender::{Message, SendError, Sender};
use notification_service::trouble::{Trouble, Work};
use serde_json::json;
use service_common::database::{Database, DatabaseOptions};
use service_common::metrics::Metrics;

pub(crate) const ADDRESS: &str = "ann@example.com";

/// Everybody is Ann, but for `usr_gone`. While `away` is not 0, as many questions are not answered.
#[derive(Default)]
pub(crate) struct Anns {
    pub(crate) away: Mutex<u32>,
}

impl People for Anns {
    fn find<'a>(&'a self, user_id: &'a str) -> Work<'a, Option<Person>> {
        Box::pin(async move {
            let mut away = self.away.lock().unwrap();
            if *away > 0 {
                *away -= 1;
                return Err(Trouble::new("user_service", "away"));
            }
            Ok((user_id != "usr_gone").then(|| Person {
                address: ADDRESS.to_owned(),
                first_name: "Ann".to_owned(),
            }))
        })
    }
}

/// What becomes of the next message.
pub(crate) enum Fate {
    /// The error comes, and the message does not go out.
    Fails(SendError),
    /// The message goes out, and nothing comes back, ever.
    GoesOutInSilence,
}

/// Keeps what goes out.
#[derive(Default)]
pub(crate) struct Out {
    pub(crate) sent: Mutex<Vec<Message>>,
    pub(crate) fates: Mutex<VecDeque<Fate>>,
}

impl Out {
    /// The subjects of what went out.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter().map(|message| message.text.subject.clone()).collect()
    }
}

impl Sender for Out {
    fn send<'a>(&'a self, message: &'a Message) -> Work<'a, (), SendError> {
        Box::pin(async move {
            let fate = self.fates.lock().unwrap().pop_front();
            if let Some(Fate::Fails(error)) = fate {
                return Err(error);
            }
            self.sent.lock().unwrap().push(message.clone());
            if fate.is_some() {
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    }
}

/// Keeps dead letters.
#[derive(Default)]
pub(crate) struct Pit(pub(crate) Mutex<Vec<(Record, String)>>);

impl DeadLetters for Pit {
    fn put<'a>(&'a self, record: &'a Record, error: &'a str) -> Work<'a, ()> {
        Box::pin(async move {
            self.0.lock().unwrap().push((record.clone(), error.to_owned()));
            Ok(())
        })
    }
}

/// A desk among stand-ins.
pub(crate) struct World {
    pub(crate) desk: Desk,
    pub(crate) people: Arc<Anns>,
    pub(crate) out: Arc<Out>,
    pub(crate) pit: Arc<Pit>,
    metrics: Metrics,
}

impl World {
    pub(crate) fn with(claims: Arc<dyn Claims>) -> World {
        let metrics = Metrics::new(NAME).unwrap();
        let (people, out, pit) = (
            Arc::<Anns>::default(),
            Arc::<Out>::default(),
            Arc::<Pit>::default(),
        );
        World {
            desk: Desk {
                claims,
                people: people.clone(),
                sender: out.clone(),
                dead_letters: pit.clone(),
                metrics: metrics.clone(),
            },
            people,
            out,
            pit,
            metrics,
        }
    }

    pub(crate) async fn at(url: &str, terms: Terms) -> World {
        World::with(Arc::new(claims(url, terms).await))
    }

    /// The value of a counter with this label, 0 where it was never counted.
    pub(crate) fn count(&self, name: &str, label: &str) -> u64 {
        let text = self.metrics.scrape().unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(name) && line.contains(&format!("\"{label}\"")));
        line.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }
}

pub(crate) async fn claims(url: &str, terms: Terms) -> DatabaseClaims {
    let options = DatabaseOptions::of(url.parse().unwrap());
    DatabaseClaims::new(Database::open(&options, OWNER, STEPS).await.unwrap(), terms)
}

/// An event of an order, as the order service's outbox writes it.
pub(crate) fn order(event_id: &str, kind: &str, version: i64, user_id: &str) -> Record {
    let value = json!({
        "event_type": kind,
        "order_id": "ord_1",
        "user_id": user_id,
        "currency": "USD",
        "total_amount": "129.90",
        "items": [{"product_id": "kb-1", "quantity": 2, "unit_price": "64.95"}],
        "created_at": "2026-11-23T02:36:00.123Z",
        "version": version,
        "payment_id": null,
        "reason": (kind == "order.cancelled").then_some("expired"),
    });
    Record {
        source: Source::Orders,
        topic: "orders".to_owned(),
        partition: 1,
        offset: 7,
        timestamp: Some(1_795_404_960_123),
        key: Some(b"ord_1".to_vec()),
        value: Some(value.to_string().into_bytes()),
        headers: [
            ("ce_id", event_id),
            ("ce_type", kind),
            ("ce_source", "/order-service"),
            ("ce_time", "2026-11-23T02:36:00.123Z"),
            ("ce_specversion", "1.0"),
            ("version", &version.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .into(),
    }
}

/// A notification, as the outboxes of the user and the payment service write it.
pub(crate) fn notification(template: &str, user_id: &str, data: &serde_json::Value) -> Record {
    let value = json!({
        "notification_id": format!("{template}_1"),
        "user_id": user_id,
        "template": template,
        "data": data,
        "created_at": "2026-11-23T02:36:00.123Z",
    });
    Record {
        source: Source::Notifications,
        topic: "notifications".to_owned(),
        key: Some(user_id.as_bytes().to_vec()),
        value: Some(value.to_string().into_bytes()),
        headers: vec![("ce_id".to_owned(), b"e-1".to_vec())],
        ..order("", "", 0, user_id)
    }
}

pub(crate) fn payment() -> serde_json::Value {
    json!({"payment_id": "pay_1", "order_id": "ord_1", "amount": "129.90", "currency": "USD"})
}

/// For HTTP.
pub(crate) fn client() -> reqwest::Client {
    // The process may have one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
