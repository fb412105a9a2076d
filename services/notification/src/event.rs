//! The pure core: what a record tells, and whom.

use serde::Deserialize;
use weir_proto::{Money, Timestamp};

use crate::record::{Record, Source};
use crate::template::{Template, Values};

/// A record that will never be understood, however often it is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Poison {
    /// No value.
    #[error("the record has no value")]
    NoValue,
    /// Not what the topic holds; serde says where.
    #[error("{0}")]
    Unreadable(String),
    /// A header without which the event cannot be told from others.
    #[error("header `{name}`: {fault}")]
    Header {
        /// Which one.
        name: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A field that is missing, empty or no such thing.
    #[error("{field}: {fault}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What is wrong with its value.
        fault: String,
    },
    /// A notification by a name that is not known here.
    #[error("template: `{0}` is none of welcome, receipt and refund")]
    Template(String),
    /// The way out says that it will never take it.
    #[error("refused: {0}")]
    Refused(String),
}

/// What a record comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Somebody is told.
    Notice(Box<Notice>),
    /// Nobody is; a word for the metrics says why.
    Nothing(&'static str),
}

/// What somebody is told, before it is known who that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same for all copies of the event.
    pub event_id: String,
    /// Whom.
    pub user_id: String,
    /// In which words.
    pub template: Template,
    /// What fills them, but for the name.
    pub values: Values,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: i64,
    /// The order and its version, where events of an order overtake each other.
    pub version: Option<(String, i64)>,
}

#[derive(Deserialize)]
struct OrderEvent {
    order_id: String,
    user_id: String,
    currency: String,
    total_amount: Money,
    items: Vec<Line>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    product_id: String,
    quantity: i64,
    unit_price: Money,
}

#[derive(Deserialize)]
struct Notification {
    notification_id: String,
    user_id: String,
    template: String,
    data: serde_json::Value,
    created_at: Timestamp,
}

/// What a record tells, and whom.
///
/// An order without `ce_id` is not of this shop: others may write to the topic too, but their users are not ours, and what
/// has no id cannot be told from its copies. It is passed over unread.
///
/// # Errors
/// It will never be understood.
pub fn read(record: &Record) -> Result<Reading, Poison> {
    match record.source {
        Source::Orders => order(record),
        Source::Notifications => notification(record),
    }
}

fn order(record: &Record) -> Result<Reading, Poison> {
    let Some(event_id) = record.header("ce_id") else {
        return Ok(Reading::Nothing("not_of_this_shop"));
    };
    let template = match record.header("ce_type") {
        Some("order.created") => Template::OrderTaken,
        Some("order.paid") => Template::OrderPaid,
        Some("order.cancelled") => Template::OrderCancelled,
        Some("order.failed") => Template::OrderFailed,
        _ => return Ok(Reading::Nothing("other_type")),
    };
    let version = record.header("version").and_then(|text| text.parse().ok());
    let version = version.ok_or(Poison::Header {
        name: "version",
        fault: "missing, or no number",
    })?;
    let at = record
        .header("ce_time")
        .and_then(|text| Timestamp::parse_rfc3339(text).ok());
    let at = at.ok_or(Poison::Header {
        name: "ce_time",
        fault: "missing, or no RFC 3339 time",
    })?;
    let event: OrderEvent = parse(record)?;
    present("order_id", &event.order_id)?;
    present("user_id", &event.user_id)?;
    let items = event.items.iter().map(|line| {
        format!(
            "  {} x {} at {} {}",
            line.quantity, line.product_id, line.unit_price, event.currency
        )
    });
    let reason = match event.reason.as_deref() {
        Some("expired") => "your order was not paid in time and was cancelled.",
        _ => "your order was cancelled.",
    };
    let values = Values::from([
        ("order_id", event.order_id.clone()),
        ("items", items.collect::<Vec<_>>().join("\n")),
        ("total", format!("{} {}", event.total_amount, event.currency)),
        ("reason", reason.to_owned()),
    ]);
    Ok(Reading::Notice(Box::new(Notice {
        event_id: event_id.to_owned(),
        user_id: event.user_id,
        template,
        values,
        at_ms: at.millis(),
        version: Some((event.order_id, version)),
    })))
}

fn notification(record: &Record) -> Result<Reading, Poison> {
    let event: Notification = parse(record)?;
    present("notification_id", &event.notification_id)?;
    present("user_id", &event.user_id)?;
    let (template, values) = match event.template.as_str() {
        "welcome" => (Template::Welcome, Values::new()),
        "receipt" => (Template::Receipt, of_payment(&event.data)?),
        "refund" => (Template::Refund, of_payment(&event.data)?),
        _ => return Err(Poison::Template(event.template)),
    };
    Ok(Reading::Notice(Box::new(Notice {
        event_id: event.notification_id,
        user_id: event.user_id,
        template,
        values,
        at_ms: event.created_at.millis(),
        version: None,
    })))
}

fn of_payment(data: &serde_json::Value) -> Result<Values, Poison> {
    let text = |field: &'static str, name: &str| {
        let text = data.get(name).and_then(serde_json::Value::as_str);
        let text = text.ok_or_else(|| Poison::Field {
            field,
            fault: "missing, or no text".to_owned(),
        })?;
        present(field, text)?;
        Ok::<_, Poison>(text.to_owned())
    };
    let amount = Money::parse(&text("data.amount", "amount")?).map_err(|error| Poison::Field {
        field: "data.amount",
        fault: error.to_string(),
    })?;
    let currency = text("data.currency", "currency")?;
    Ok(Values::from([
        ("payment_id", text("data.payment_id", "payment_id")?),
        ("order_id", text("data.order_id", "order_id")?),
        ("amount", format!("{amount} {currency}")),
    ]))
}

fn parse<'a, T: Deserialize<'a>>(record: &'a Record) -> Result<T, Poison> {
    let value = record.value.as_deref().ok_or(Poison::NoValue)?;
    serde_json::from_slice(value).map_err(|error| Poison::Unreadable(error.to_string()))
}

fn present(field: &'static str, text: &str) -> Result<(), Poison> {
    if text.is_empty() {
        return Err(Poison::Field {
            field,
            fault: "empty".to_owned(),
        });
    }
    Ok(())
}
