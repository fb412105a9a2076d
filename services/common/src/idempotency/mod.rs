//! Idempotency keys: a request with a key is done once, and its answer kept for whoever asks again.
//!
//! The key is claimed in the transaction that begins the work, under a lease; the answer is stored in the one that ends it.
//! Where the process dies in between, whoever comes next after the lease goes on with the same subject (the id of what is
//! being made), so that nothing is made twice.

mod answer;
mod fingerprint;

use std::time::Duration;

use sqlx::Row as _;

pub use answer::{decode, encode};
pub use fingerprint::Fingerprint;

use crate::boxed::Boxed;
use crate::database::{Database, Kind, Row, Statement, Transaction, for_update_now};
use crate::failure::{Code, Failure, FieldFaults};

/// The schema of the table, to be a part of the first step of the service's own.
pub const SCHEMA: &str = "
CREATE TABLE idempotency_keys (
    scope TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    subject TEXT NOT NULL,
    lease_until_ms BIGINT NOT NULL,
    answer TEXT,
    kept_until_ms BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_kept ON idempotency_keys (kept_until_ms);
";

/// The longest key.
pub const LONGEST_KEY: usize = 255;

/// How long answers are kept.
const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// A key as it is stored: scoped by who asks and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(String);

impl Scope {
    /// The scope of a key, or `None` where no key was sent.
    ///
    /// # Errors
    /// The key is too long or holds control characters.
    pub fn of(user: &str, call: &'static str, key: &str) -> Result<Option<Scope>, Failure> {
        if key.is_empty() {
            return Ok(None);
        }
        let mut faults = FieldFaults::default();
        if key.chars().count() > LONGEST_KEY {
            faults.add("Idempotency-Key", format!("longer than {LONGEST_KEY} characters"));
        }
        if key.chars().any(char::is_control) {
            faults.add("Idempotency-Key", "holds control characters");
        }
        faults.check()?;
        Ok(Some(Scope(format!("{call}|{user}|{key}"))))
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A scope that was stored.
    #[must_use]
    pub fn stored(text: String) -> Scope {
        Scope(text)
    }
}

/// What a claim found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The key is new: the work begins with the subject of the claim, at this moment of the database's clock in
    /// milliseconds.
    First(i64),
    /// The work was begun, and nobody is at it any more: go on with this subject.
    Resumed(String),
    /// The work is done: this is its answer, for [`decode`].
    Answered(String),
}

/// Stores a key that is new, or whose answer was kept long enough. The clock is read where it is needed: that is no statement of
/// its own.
macro_rules! store_key {
    ($clock:ident) => {
        concat!(
            "INSERT INTO idempotency_keys (scope, fingerprint, subject, lease_until_ms, kept_until_ms) VALUES ($1, $2, $3, ",
            $crate::clock!($clock),
            " + $4, ",
            $crate::clock!($clock),
            " + $5)
             ON CONFLICT (scope) DO UPDATE
             SET fingerprint = excluded.fingerprint, subject = excluded.subject, answer = NULL,
                 lease_until_ms = excluded.lease_until_ms, kept_until_ms = excluded.kept_until_ms
             WHERE idempotency_keys.answer IS NOT NULL AND idempotency_keys.kept_until_ms <= ",
            $crate::clock!($clock),
            " RETURNING lease_until_ms"
        )
    };
}

/// Begins a transaction that claims a key for a request, for as long as the lease.
///
/// # Errors
/// `idempotency_key_reused` where the key came with another request, `still_running` while somebody else is at it.
pub fn claim<'a>(
    database: &'a Database,
    scope: &'a Scope,
    fingerprint: &'a Fingerprint,
    subject: &'a str,
    lease: Duration,
) -> Boxed<'a, Result<(Transaction, Claim), Failure>> {
    Box::pin(async move {
        let store = store(database, scope, fingerprint, subject, lease);
        let (mut transaction, stored) = database.begin_with(vec![store]).await?;
        if let Some(now_ms) = claimed_at_ms(&stored, lease)? {
            return Ok((transaction, Claim::First(now_ms)));
        }
        match take_up(database, &mut transaction, scope, fingerprint, millis(lease)).await {
            Ok(claim) => Ok((transaction, claim)),
            Err(failure) => {
                transaction.rollback().await?;
                Err(failure)
            }
        }
    })
}

/// Claims a key for a request, for as long as the lease, where it is new; see [`claimed_at_ms`].
#[must_use]
pub fn store(
    database: &Database,
    scope: &Scope,
    fingerprint: &Fingerprint,
    subject: &str,
    lease: Duration,
) -> Statement {
    let store = match database.kind() {
        Kind::Sqlite => store_key!(Sqlite),
        Kind::Postgres => store_key!(Postgres),
    };
    Statement::new(store)
        .bind(scope.as_str())
        .bind(fingerprint.as_str())
        .bind(subject)
        .bind(millis(lease))
        .bind(millis(KEPT))
}

/// When [`store`] claimed the key, by its rows: by the database's clock, in milliseconds since 1970. `None`: it came before, and
/// [`look`] tells what became of that.
///
/// # Errors
/// These are not its rows.
pub fn claimed_at_ms(rows: &[Row], lease: Duration) -> sqlx::Result<Option<i64>> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let lease_until_ms: i64 = row.try_get("lease_until_ms")?;
    Ok(Some(lease_until_ms - millis(lease)))
}

/// Looks at a key that came before; [`answered`] reads its rows.
#[must_use]
pub fn look(database: &Database, scope: &Scope) -> Statement {
    let text = for_update_now!(
        database,
        "fingerprint, subject, lease_until_ms, answer",
        " FROM idempotency_keys WHERE scope = $1"
    );
    Statement::new(text).bind(scope.as_str())
}

/// The answer to the request that a key came with before. `None`: there is none, and nobody is at it any more; [`claim`] takes
/// it up.
///
/// # Errors
/// `idempotency_key_reused` where the key came with another request, `still_running` while somebody else is at it.
pub fn answered(rows: &[Row], fingerprint: &Fingerprint) -> Result<Option<String>, Failure> {
    // Without a row it was forgotten a moment ago.
    let found = rows.first().map(|row| judge(row, fingerprint)).transpose()?;
    Ok(match found {
        Some(Found::Answered(answer)) => Some(answer),
        Some(Found::Left { .. }) | None => None,
    })
}

/// What became of the request that a key came with before.
enum Found {
    Answered(String),
    /// Nobody is at it any more.
    Left {
        subject: String,
        now_ms: i64,
    },
}

fn judge(row: &Row, fingerprint: &Fingerprint) -> Result<Found, Failure> {
    if row.try_get::<String, _>("fingerprint")? != fingerprint.as_str() {
        return Err(Failure::new(
            Code::KeyReused,
            "this Idempotency-Key came with another request before",
        ));
    }
    if let Some(answer) = row.try_get::<Option<String>, _>("answer")? {
        return Ok(Found::Answered(answer));
    }
    let now_ms = row.try_get::<i64, _>("now_ms")?;
    let leased_ms = row.try_get::<i64, _>("lease_until_ms")? - now_ms;
    if leased_ms > 0 {
        let delay = Duration::from_millis(u64::try_from(leased_ms).unwrap_or(0));
        return Err(Failure::new(Code::StillRunning, "this request is still being worked on").after(delay));
    }
    let subject = row.try_get("subject")?;
    Ok(Found::Left { subject, now_ms })
}

/// Claims a key that came before.
async fn take_up(
    database: &Database,
    transaction: &mut Transaction,
    scope: &Scope,
    fingerprint: &Fingerprint,
    lease_ms: i64,
) -> Result<Claim, Failure> {
    let rows = look(database, scope).execute(transaction).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let (subject, now_ms) = match judge(row, fingerprint)? {
        Found::Answered(answer) => return Ok(Claim::Answered(answer)),
        Found::Left { subject, now_ms } => (subject, now_ms),
    };
    sqlx::query("UPDATE idempotency_keys SET lease_until_ms = $2 WHERE scope = $1")
        .bind(scope.as_str())
        .bind(now_ms + lease_ms)
        .execute(&mut **transaction)
        .await?;
    Ok(Claim::Resumed(subject))
}

/// Keeps the answer, unless one is kept already: the first one counts. Its row is the `answer` that is kept then, which is the
/// one to be answered; there is none where the key is not there any more.
#[must_use]
pub fn keep(scope: &Scope, answer: &str) -> Statement {
    Statement::new(
        "UPDATE idempotency_keys SET answer = COALESCE(answer, $2) WHERE scope = $1 RETURNING answer",
    )
    .bind(scope.as_str())
    .bind(answer)
}

/// Ends the lease: nobody is at it any more, and there is no answer yet.
///
/// # Errors
/// The database failed.
pub fn let_go<'a>(transaction: &'a mut Transaction, scope: &'a Scope) -> Boxed<'a, sqlx::Result<()>> {
    Box::pin(async move {
        sqlx::query("UPDATE idempotency_keys SET lease_until_ms = 0 WHERE scope = $1 AND answer IS NULL")
            .bind(scope.as_str())
            .execute(&mut **transaction)
            .await?;
        Ok(())
    })
}

/// Forgets the answers that were kept long enough; gives how many.
///
/// # Errors
/// The database failed.
pub fn sweep(database: &Database) -> Boxed<'_, sqlx::Result<u64>> {
    database.sweep(
        "idempotency_keys",
        "scope",
        "kept_until_ms <= $1 AND answer IS NOT NULL",
    )
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
