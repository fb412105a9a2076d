//! Orders in the database.

use std::collections::HashSet;

use service_common::database::{Database, Kind, Row, Statement, Step, Transaction, for_update_now};
use service_common::{idempotency, outbox};
use sqlx::{AssertSqlSafe, Row as _};
use weir_proto::Money;

use crate::order::{Address, CancelReason, Dues, Line, Order, State};

/// The schema of this service.
pub const STEPS: &[Step] = &[
    Step {
        version: 1,
        description: "orders",
        sql: include_str!("../migrations/0001_orders.sql"),
    },
    Step {
        version: 2,
        description: "idempotency keys",
        sql: idempotency::SCHEMA,
    },
    Step {
        version: 3,
        description: "outbox",
        sql: outbox::SCHEMA,
    },
    Step {
        version: 4,
        description: "when an order was paid",
        sql: include_str!("../migrations/0004_paid_at.sql"),
    },
];

/// The schema's name in PostgreSQL.
pub const OWNER: &str = "order_service";

macro_rules! columns {
    () => {
        "id, user_id, state, version, currency, total, address, method, own_payment_id, payment_id, until_ms, \
         lease_until_ms, cancel_requested, cancel_reason, cancelled_at_ms, created_at_ms, updated_at_ms, scope, dues, \
         attempts, attend_at_ms, lines, paid_at_ms"
    };
}

/// Stores a new order.
///
/// # Errors
/// It cannot be written as JSON.
pub fn insert(order: &Order) -> sqlx::Result<Statement> {
    let statement = Statement::new(concat!(
        "INSERT INTO orders (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"
    ))
    .bind(&order.id)
    .bind(&order.user_id)
    .bind(order.state.as_str())
    .bind(order.version)
    .bind(&order.currency)
    .bind(order.total.map(Money::minor))
    .bind(json(&order.address)?)
    .bind(order.method.as_deref())
    .bind(&order.own_payment_id)
    .bind(order.payment_id.as_deref())
    .bind(order.until_ms)
    .bind(order.lease_until_ms)
    .bind(i64::from(order.cancel_requested))
    .bind(order.cancel_reason.map(CancelReason::as_str))
    .bind(order.cancelled_at_ms)
    .bind(order.created_at_ms)
    .bind(order.updated_at_ms)
    .bind(order.scope.as_deref())
    .bind(order.dues.bits())
    .bind(order.attempts)
    .bind(order.attend_at_ms)
    .bind(json(&stored_lines(&order.lines))?)
    .bind(order.paid_at_ms);
    Ok(statement)
}

/// Stores what may have changed of an order that was locked.
///
/// # Errors
/// It cannot be written as JSON.
pub fn save(order: &Order) -> sqlx::Result<Statement> {
    let statement = Statement::new(
        "UPDATE orders SET state = $2, version = $3, currency = $4, total = $5, payment_id = $6, until_ms = $7,
         lease_until_ms = $8, cancel_requested = $9, cancel_reason = $10, cancelled_at_ms = $11, created_at_ms = $12,
         updated_at_ms = $13, dues = $14, attempts = $15, attend_at_ms = $16, lines = $17, paid_at_ms = $18
         WHERE id = $1",
    )
    .bind(&order.id)
    .bind(order.state.as_str())
    .bind(order.version)
    .bind(&order.currency)
    .bind(order.total.map(Money::minor))
    .bind(order.payment_id.as_deref())
    .bind(order.until_ms)
    .bind(order.lease_until_ms)
    .bind(i64::from(order.cancel_requested))
    .bind(order.cancel_reason.map(CancelReason::as_str))
    .bind(order.cancelled_at_ms)
    .bind(order.created_at_ms)
    .bind(order.updated_at_ms)
    .bind(order.dues.bits())
    .bind(order.attempts)
    .bind(order.attend_at_ms)
    .bind(json(&stored_lines(&order.lines))?)
    .bind(order.paid_at_ms);
    Ok(statement)
}

/// Begins a transaction that locks an order; gives the order and the moment of that by the database's clock, in milliseconds
/// since 1970.
///
/// # Errors
/// The database failed.
pub async fn begin_with_lock(
    database: &Database,
    id: &str,
) -> sqlx::Result<(Transaction, Option<(Order, i64)>)> {
    let (transaction, rows) = database.begin_with(vec![lock(database, id)]).await?;
    Ok((transaction, locked(&rows)?))
}

/// Locks an order; [`locked`] reads its rows.
pub fn lock(database: &Database, id: &str) -> Statement {
    let text = for_update_now!(database, columns!(), " FROM orders WHERE id = $1");
    Statement::new(text).bind(id)
}

/// An order that was locked, and the moment of that by the database's clock, in milliseconds since 1970.
///
/// # Errors
/// These are not the rows of [`lock`].
pub fn locked(rows: &[Row]) -> sqlx::Result<Option<(Order, i64)>> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let order = read(row)?;
    // Who waited for the lock may have read the clock before: an order's moments never go back.
    let now_ms = row.try_get::<i64, _>("now_ms")?.max(order.updated_at_ms);
    Ok(Some((order, now_ms)))
}

/// An order as it is at this moment.
///
/// # Errors
/// The database failed.
pub async fn get(database: &Database, id: &str) -> sqlx::Result<Option<Order>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM orders WHERE id = $1"))
        .bind(id)
        .fetch_optional(database.pool())
        .await?;
    row.as_ref().map(read).transpose()
}

/// Which orders are listed.
#[derive(Clone, Debug, Default)]
pub struct Listed<'a> {
    /// Of this user; of all where there is none.
    pub user_id: Option<&'a str>,
    /// In this state; in any where there is none.
    pub state: Option<State>,
    /// Older than this one.
    pub before: Option<&'a str>,
    /// At most so many.
    pub limit: i64,
}

/// Orders, the newest first.
///
/// # Errors
/// The database failed.
pub async fn list(database: &Database, listed: &Listed<'_>) -> sqlx::Result<Vec<Order>> {
    let mut statement = concat!("SELECT ", columns!(), " FROM orders WHERE 1 = 1").to_owned();
    let mut place = 0;
    let mut and = |condition: &str| {
        place += 1;
        statement.push_str(&format!(" AND {condition} ${place}"));
    };
    let texts = [
        ("user_id =", listed.user_id),
        ("state =", listed.state.map(State::as_str)),
        ("id <", listed.before),
    ];
    for (condition, _) in texts.iter().filter(|(_, value)| value.is_some()) {
        and(condition);
    }
    statement.push_str(&format!(" ORDER BY id DESC LIMIT {}", listed.limit));
    // Made of the constants above and a number.
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for (_, value) in texts {
        if let Some(value) = value {
            query = query.bind(value);
        }
    }
    let rows = query.fetch_all(database.pool()).await?;
    rows.iter().map(read).collect()
}

/// The orders that the sweeper must look at now, the longest overdue first; each is left alone by other sweepers for as
/// long as the lease.
///
/// # Errors
/// The database failed.
pub async fn claim_overdue(database: &Database, lease_ms: i64, limit: i64) -> sqlx::Result<Vec<Order>> {
    let mut transaction = database.begin().await?;
    let now_ms = transaction.now_ms().await?;
    let statement = match transaction.kind() {
        Kind::Sqlite => concat!(
            "UPDATE orders SET attend_at_ms = $1 WHERE id IN (SELECT id FROM orders WHERE attend_at_ms <= $2 \
             ORDER BY attend_at_ms LIMIT $3) RETURNING ",
            columns!()
        ),
        Kind::Postgres => concat!(
            "UPDATE orders SET attend_at_ms = $1 WHERE id IN (SELECT id FROM orders WHERE attend_at_ms <= $2 \
             ORDER BY attend_at_ms LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING ",
            columns!()
        ),
    };
    let rows = sqlx::query(statement)
        .bind(now_ms + lease_ms)
        .bind(now_ms)
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await?;
    let orders = rows.iter().map(read).collect::<sqlx::Result<_>>()?;
    transaction.commit().await?;
    Ok(orders)
}

/// The orders that were ever taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The ids of those whose event was published.
    pub published: Vec<String>,
    /// How many others there are: their events wait in the outbox.
    pub waiting: u64,
}

/// The orders that were ever taken.
///
/// # Errors
/// The database failed.
pub async fn taken(database: &Database) -> sqlx::Result<Taken> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM orders WHERE created_at_ms IS NOT NULL")
        .fetch_all(database.pool())
        .await?;
    // An order's first event tells that it was taken.
    let waiting: Vec<String> =
        sqlx::query_scalar("SELECT record_key FROM outbox_events WHERE pending = 1 AND version = 1")
            .fetch_all(database.pool())
            .await?;
    let waiting: HashSet<String> = waiting.into_iter().collect();
    let (others, published): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| waiting.contains(id));
    Ok(Taken {
        published,
        waiting: others.len() as u64,
    })
}

/// How many orders are under way, by state.
///
/// # Errors
/// The database failed.
pub async fn count_under_way(database: &Database) -> sqlx::Result<Vec<(State, i64)>> {
    let rows = sqlx::query(
        "SELECT state, COUNT(*) FROM orders WHERE state IN ('pending', 'reserved', 'paying', 'paid') GROUP BY state",
    )
    .fetch_all(database.pool())
    .await?;
    let counted = rows
        .iter()
        .map(|row| Ok((state(row)?, row.try_get(1)?)))
        .collect::<sqlx::Result<Vec<(State, i64)>>>()?;
    let under_way = [State::Pending, State::Reserved, State::Paying, State::Paid];
    let count = |state| {
        let found = counted.iter().find(|(counted, _)| *counted == state);
        (state, found.map_or(0, |(_, count)| *count))
    };
    Ok(under_way.map(count).to_vec())
}

fn read(row: &Row) -> sqlx::Result<Order> {
    let lines: String = row.try_get("lines")?;
    let lines: Vec<StoredLine> = serde_json::from_str(&lines).map_err(wrong)?;
    let address: String = row.try_get("address")?;
    let reason: Option<String> = row.try_get("cancel_reason")?;
    Ok(Order {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        state: state(row)?,
        version: row.try_get("version")?,
        lines: lines.into_iter().map(Line::from).collect(),
        currency: row.try_get("currency")?,
        total: row
            .try_get::<Option<i64>, _>("total")?
            .and_then(Money::from_minor),
        address: serde_json::from_str::<Address>(&address).map_err(wrong)?,
        method: row.try_get("method")?,
        own_payment_id: row.try_get("own_payment_id")?,
        payment_id: row.try_get("payment_id")?,
        until_ms: row.try_get("until_ms")?,
        lease_until_ms: row.try_get("lease_until_ms")?,
        cancel_requested: row.try_get::<i64, _>("cancel_requested")? != 0,
        cancel_reason: reason.as_deref().and_then(CancelReason::parse),
        cancelled_at_ms: row.try_get("cancelled_at_ms")?,
        created_at_ms: row.try_get("created_at_ms")?,
        updated_at_ms: row.try_get("updated_at_ms")?,
        scope: row.try_get("scope")?,
        dues: Dues::stored(row.try_get("dues")?),
        attempts: row.try_get("attempts")?,
        attend_at_ms: row.try_get("attend_at_ms")?,
        paid_at_ms: row.try_get("paid_at_ms")?,
    })
}

fn state(row: &Row) -> sqlx::Result<State> {
    let text: String = row.try_get("state")?;
    State::parse(&text).ok_or_else(|| sqlx::Error::Decode(format!("`{text}` is no state of an order").into()))
}

/// A line in the database: short names, as there are many.
#[derive(serde::Serialize, serde::Deserialize)]
struct StoredLine {
    #[serde(rename = "p")]
    product_id: String,
    #[serde(rename = "q")]
    quantity: u32,
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    unit_price: Option<i64>,
}

fn stored_lines(lines: &[Line]) -> Vec<StoredLine> {
    let stored = lines.iter().map(|line| StoredLine {
        product_id: line.product_id.clone(),
        quantity: line.quantity,
        unit_price: line.unit_price.map(Money::minor),
    });
    stored.collect()
}

impl From<StoredLine> for Line {
    fn from(stored: StoredLine) -> Line {
        Line {
            product_id: stored.product_id,
            quantity: stored.quantity,
            unit_price: stored.unit_price.and_then(Money::from_minor),
        }
    }
}

fn json<T: serde::Serialize>(value: &T) -> sqlx::Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn wrong(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
