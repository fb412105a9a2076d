//! Payments in the database.

use service_common::database::{Database, Row, Step, Transaction, for_update};
use service_common::{idempotency, outbox};
use sqlx::{AssertSqlSafe, Row as _};
use weir_proto::Money;

use crate::payment::{Lease, Payment, Price, Purpose, Status};
use crate::stripe::Event;

/// The schema of this service.
pub const STEPS: &[Step] = &[
    Step {
        version: 1,
        description: "payments",
        sql: include_str!("../migrations/0001_payments.sql"),
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
        description: "simulated provider",
        sql: include_str!("../migrations/0002_simulated.sql"),
    },
    Step {
        version: 5,
        description: "events of the provider",
        sql: include_str!("../migrations/0003_provider_events.sql"),
    },
];

/// The schema's name in PostgreSQL.
pub const OWNER: &str = "payment_service";

macro_rules! columns {
    () => {
        "id, order_id, user_id, amount, currency, method, status, live, intent_id, charge_id, next_action, \
         action_until_ms, told, cancels_order, attempts, refund_attempts, lease, lease_until_ms, attend_at_ms, scope, \
         created_at_ms, updated_at_ms"
    };
}

/// Whether a new payment was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was.
    Yes,
    /// It was not: its order has another live payment, or it is stored already.
    Conflict,
}

/// Stores a new payment.
///
/// # Errors
/// The database failed.
pub async fn insert(transaction: &mut Transaction, payment: &Payment) -> sqlx::Result<Inserted> {
    let inserted = sqlx::query(concat!(
        "INSERT INTO payments (",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
         ON CONFLICT DO NOTHING"
    ))
    .bind(&payment.id)
    .bind(&payment.purpose.order_id)
    .bind(&payment.purpose.user_id)
    .bind(payment.purpose.price.amount.minor())
    .bind(&payment.purpose.price.currency)
    .bind(&payment.purpose.method)
    .bind(payment.status.as_str())
    .bind(i64::from(payment.status.is_live()))
    .bind(payment.intent_id.as_deref())
    .bind(payment.charge_id.as_deref())
    .bind(payment.next_action.as_deref())
    .bind(payment.action_until_ms)
    .bind(i64::from(payment.is_told))
    .bind(i64::from(payment.cancels_order))
    .bind(payment.attempts)
    .bind(payment.refund_attempts)
    .bind(payment.lease.as_ref().map(Lease::as_str))
    .bind(payment.lease_until_ms)
    .bind(payment.attend_at_ms)
    .bind(payment.scope.as_deref())
    .bind(payment.created_at_ms)
    .bind(payment.updated_at_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(match inserted.rows_affected() {
        0 => Inserted::Conflict,
        _ => Inserted::Yes,
    })
}

/// Stores what may have changed of a payment that was locked.
///
/// # Errors
/// The database failed.
pub async fn save(transaction: &mut Transaction, payment: &Payment) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE payments SET status = $2, live = $3, intent_id = $4, charge_id = $5, next_action = $6,
         action_until_ms = $7, told = $8, cancels_order = $9, attempts = $10, refund_attempts = $11, lease = $12,
         lease_until_ms = $13, attend_at_ms = $14, updated_at_ms = $15
         WHERE id = $1",
    )
    .bind(&payment.id)
    .bind(payment.status.as_str())
    .bind(i64::from(payment.status.is_live()))
    .bind(payment.intent_id.as_deref())
    .bind(payment.charge_id.as_deref())
    .bind(payment.next_action.as_deref())
    .bind(payment.action_until_ms)
    .bind(i64::from(payment.is_told))
    .bind(i64::from(payment.cancels_order))
    .bind(payment.attempts)
    .bind(payment.refund_attempts)
    .bind(payment.lease.as_ref().map(Lease::as_str))
    .bind(payment.lease_until_ms)
    .bind(payment.attend_at_ms)
    .bind(payment.updated_at_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A payment, locked until the end of the transaction.
///
/// # Errors
/// The database failed.
pub async fn lock(transaction: &mut Transaction, id: &str) -> sqlx::Result<Option<Payment>> {
    let statement = for_update!(transaction, "SELECT ", columns!(), " FROM payments WHERE id = $1");
    let row = sqlx::query(statement)
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(read).transpose()
}

/// A payment as it is at this moment.
///
/// # Errors
/// The database failed.
pub async fn get(database: &Database, id: &str) -> sqlx::Result<Option<Payment>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM payments WHERE id = $1"))
        .bind(id)
        .fetch_optional(database.pool())
        .await?;
    row.as_ref().map(read).transpose()
}

/// The id of the payment that the provider knows by this id.
///
/// # Errors
/// The database failed.
pub async fn of_intent(transaction: &mut Transaction, intent_id: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT id FROM payments WHERE intent_id = $1")
        .bind(intent_id)
        .fetch_optional(&mut **transaction)
        .await
}

/// Stores an event of the provider; whether it is new.
///
/// # Errors
/// The database failed.
pub async fn note_event(transaction: &mut Transaction, event: &Event) -> sqlx::Result<bool> {
    let now_ms = transaction.now_ms().await?;
    let noted = sqlx::query(
        "INSERT INTO provider_events (id, kind, intent_id, received_at_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&event.id)
    .bind(event.kind)
    .bind(event.intent_id.as_deref())
    .bind(now_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Deletes the events that came longer ago than this; how many they were.
///
/// # Errors
/// The database failed.
pub async fn forget_events(database: &Database, older_than_ms: i64) -> sqlx::Result<u64> {
    let mut transaction = database.begin().await?;
    let now_ms = transaction.now_ms().await?;
    let forgotten = sqlx::query("DELETE FROM provider_events WHERE received_at_ms <= $1")
        .bind(now_ms - older_than_ms)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(forgotten.rows_affected())
}

/// The payments whose time has come and that nobody drives, the longest overdue first.
///
/// # Errors
/// The database failed.
pub async fn overdue(database: &Database, limit: i64) -> sqlx::Result<Vec<String>> {
    let now = database.now();
    // Made of the constants above.
    let statement = AssertSqlSafe(format!(
        "SELECT id FROM payments WHERE attend_at_ms <= {now} AND lease_until_ms <= {now}
         ORDER BY attend_at_ms LIMIT $1"
    ));
    sqlx::query_scalar(statement)
        .bind(limit)
        .fetch_all(database.pool())
        .await
}

/// How many payments are to be gone on with, by status.
///
/// # Errors
/// The database failed.
pub async fn count_under_way(database: &Database) -> sqlx::Result<Vec<(Status, i64)>> {
    let rows =
        sqlx::query("SELECT status, COUNT(*) FROM payments WHERE attend_at_ms IS NOT NULL GROUP BY status")
            .fetch_all(database.pool())
            .await?;
    let counted = rows
        .iter()
        .map(|row| Ok((status(row)?, row.try_get(1)?)))
        .collect::<sqlx::Result<Vec<(Status, i64)>>>()?;
    let count = |status| {
        let found = counted.iter().find(|(counted, _)| *counted == status);
        (status, found.map_or(0, |(_, count)| *count))
    };
    Ok(Status::ALL.iter().copied().map(count).collect())
}

fn status(row: &Row) -> sqlx::Result<Status> {
    let text: String = row.try_get("status")?;
    Status::parse(&text).ok_or_else(|| wrong(format!("`{text}` is no status of a payment")))
}

fn read(row: &Row) -> sqlx::Result<Payment> {
    let amount: i64 = row.try_get("amount")?;
    Ok(Payment {
        id: row.try_get("id")?,
        purpose: Purpose {
            order_id: row.try_get("order_id")?,
            user_id: row.try_get("user_id")?,
            price: Price {
                amount: Money::from_minor(amount).ok_or_else(|| wrong(format!("`{amount}` is no amount")))?,
                currency: row.try_get("currency")?,
            },
            method: row.try_get("method")?,
        },
        status: status(row)?,
        intent_id: row.try_get("intent_id")?,
        charge_id: row.try_get("charge_id")?,
        next_action: row.try_get("next_action")?,
        action_until_ms: row.try_get("action_until_ms")?,
        is_told: row.try_get::<i64, _>("told")? != 0,
        cancels_order: row.try_get::<i64, _>("cancels_order")? != 0,
        attempts: row.try_get("attempts")?,
        refund_attempts: row.try_get("refund_attempts")?,
        lease: row.try_get::<Option<String>, _>("lease")?.map(Lease::stored),
        lease_until_ms: row.try_get("lease_until_ms")?,
        attend_at_ms: row.try_get("attend_at_ms")?,
        scope: row.try_get("scope")?,
        created_at_ms: row.try_get("created_at_ms")?,
        updated_at_ms: row.try_get("updated_at_ms")?,
    })
}

fn wrong(what: String) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}
