//! What the simulated provider remembers.

use service_common::database::{Database, Transaction, for_update};
use service_common::ids::new_id;
use sqlx::Row as _;
use weir_proto::Money;

use crate::payment::Price;

/// How an intent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Created,
    RequiresAction,
    Charged,
    Declined,
    Cancelled,
    Refunded,
}

impl State {
    const ALL: [State; 6] = [
        State::Created,
        State::RequiresAction,
        State::Charged,
        State::Declined,
        State::Cancelled,
        State::Refunded,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            State::Created => "created",
            State::RequiresAction => "requires_action",
            State::Charged => "charged",
            State::Declined => "declined",
            State::Cancelled => "cancelled",
            State::Refunded => "refunded",
        }
    }

    fn parse(text: &str) -> sqlx::Result<State> {
        let found = State::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| sqlx::Error::Decode(format!("`{text}` is no state of an intent").into()))
    }
}

/// Makes an intent, or finds the one that was made under this key: with its id, what it takes, and how it stands.
pub(super) async fn create(
    database: &Database,
    key: &str,
    price: &Price,
) -> sqlx::Result<(String, Price, State)> {
    let mut transaction = database.begin().await?;
    sqlx::query(
        "INSERT INTO simulated_intents (id, idempotency_key, amount, currency, state) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (idempotency_key) DO NOTHING",
    )
    .bind(new_id("pi"))
    .bind(key)
    .bind(price.amount.minor())
    .bind(&price.currency)
    .bind(State::Created.as_str())
    .execute(&mut *transaction)
    .await?;
    let row =
        sqlx::query("SELECT id, amount, currency, state FROM simulated_intents WHERE idempotency_key = $1")
            .bind(key)
            .fetch_one(&mut *transaction)
            .await?;
    transaction.commit().await?;
    let amount: i64 = row.try_get("amount")?;
    let wrong = || sqlx::Error::Decode(format!("`{amount}` is no amount").into());
    let price = Price {
        amount: Money::from_minor(amount).ok_or_else(wrong)?,
        currency: row.try_get("currency")?,
    };
    let state: String = row.try_get("state")?;
    Ok((row.try_get("id")?, price, State::parse(&state)?))
}

/// How an intent stands, locked until the end of the transaction.
pub(super) async fn lock(transaction: &mut Transaction, id: &str) -> sqlx::Result<Option<State>> {
    let statement = for_update!(transaction, "SELECT state FROM simulated_intents WHERE id = $1");
    let state: Option<String> = sqlx::query_scalar(statement)
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    state.as_deref().map(State::parse).transpose()
}

/// It stands so from now on.
pub(super) async fn save(transaction: &mut Transaction, id: &str, state: State) -> sqlx::Result<()> {
    sqlx::query("UPDATE simulated_intents SET state = $2 WHERE id = $1")
        .bind(id)
        .bind(state.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
