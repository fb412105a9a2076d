//! Accounts in the database.

use service_common::auth::Role;
use service_common::database::{Database, Row, Step, Transaction, for_update};
use service_common::secret::SecretText;
use service_common::{idempotency, outbox};
use sqlx::Row as _;

use crate::account::{Account, Email, Name};

/// The schema of this service.
pub const STEPS: &[Step] = &[
    Step {
        version: 1,
        description: "accounts, sessions and carts",
        sql: include_str!("../migrations/0001_accounts.sql"),
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
];

/// The schema's name in PostgreSQL.
pub const OWNER: &str = "user_service";

macro_rules! columns {
    () => {
        "id, email, password_hash, first_name, last_name, role, created_at_ms"
    };
}

/// An account as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What may be shown to its owner.
    pub account: Account,
    /// In the PHC string format.
    pub password_hash: SecretText,
}

/// Stores a new account; false where its id or its e-mail address is taken.
///
/// # Errors
/// The database failed.
pub async fn insert(transaction: &mut Transaction, stored: &Stored) -> sqlx::Result<bool> {
    let account = &stored.account;
    let inserted = sqlx::query(
        "INSERT INTO accounts (id, email, email_key, password_hash, first_name, last_name, role, created_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(&account.id)
    .bind(account.email.as_written())
    .bind(account.email.key())
    .bind(stored.password_hash.reveal())
    .bind(account.first_name.as_str())
    .bind(account.last_name.as_str())
    .bind(account.role.as_str())
    .bind(account.created_at_ms)
    .execute(&mut **transaction)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The account of an e-mail address.
///
/// # Errors
/// The database failed.
pub async fn by_email(database: &Database, email: &Email) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        columns!(),
        " FROM accounts WHERE email_key = $1"
    ))
    .bind(email.key())
    .fetch_optional(database.pool())
    .await?;
    row.as_ref().map(read).transpose()
}

/// An account as it is at this moment.
///
/// # Errors
/// The database failed.
pub async fn get(database: &Database, id: &str) -> sqlx::Result<Option<Account>> {
    let row = sqlx::query(concat!("SELECT ", columns!(), " FROM accounts WHERE id = $1"))
        .bind(id)
        .fetch_optional(database.pool())
        .await?;
    Ok(row.as_ref().map(read).transpose()?.map(|stored| stored.account))
}

/// An account, locked until the end of the transaction.
///
/// # Errors
/// The database failed.
pub async fn lock(transaction: &mut Transaction, id: &str) -> sqlx::Result<Option<Stored>> {
    let statement = for_update!(transaction, "SELECT ", columns!(), " FROM accounts WHERE id = $1");
    let row = sqlx::query(statement)
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Gives an account another role and another password.
///
/// # Errors
/// The database failed.
pub async fn grant(
    transaction: &mut Transaction,
    id: &str,
    role: Role,
    password_hash: &SecretText,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE accounts SET role = $2, password_hash = $3 WHERE id = $1")
        .bind(id)
        .bind(role.as_str())
        .bind(password_hash.reveal())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn read(row: &Row) -> sqlx::Result<Stored> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let role = text("role")?;
    let account = Account {
        id: text("id")?,
        email: Email::parse(&text("email")?).map_err(wrong)?,
        first_name: Name::parse(&text("first_name")?).map_err(wrong)?,
        last_name: Name::parse(&text("last_name")?).map_err(wrong)?,
        role: Role::parse(&role).ok_or_else(|| sqlx::Error::Decode(format!("`{role}` is no role").into()))?,
        created_at_ms: row.try_get("created_at_ms")?,
    };
    Ok(Stored {
        account,
        password_hash: SecretText::from(text("password_hash")?),
    })
}

fn wrong(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
