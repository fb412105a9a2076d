//! A payment provider that takes no money: for trying the shop out, and for its tests.
//!
//! It behaves as an outside party does: it has a memory of its own (tables that payments never look at), remembers keys, and
//! can lose an answer after it did what it was asked to. What becomes of a payment is decided by its method, see [`Token`].

mod http;
mod intents;

pub use http::routes;

use service_common::database::Database;

use self::intents::State;
use crate::payment::Price;
use crate::provider::{Answer, Intent, IntentState, Provider, ProviderError};

/// What becomes of a payment by a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// `tok_success`: the money is taken.
    Success,
    /// `tok_declined`, and every other token: it is not.
    Declined,
    /// `tok_action`: the payer must go to an address, and agrees there or does not.
    Action,
    /// `tok_unknown`: the money is taken, and the answer to that gets lost.
    Unknown,
}

impl Token {
    /// What this method stands for.
    #[must_use]
    pub fn of(method: &str) -> Token {
        match method {
            "tok_success" => Token::Success,
            "tok_action" => Token::Action,
            "tok_unknown" => Token::Unknown,
            _ => Token::Declined,
        }
    }
}

/// What the payer does about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Agrees: the money is taken.
    Complete,
    /// Does not.
    Decline,
}

/// The provider. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Simulated {
    database: Database,
    base_url: String,
}

impl Simulated {
    /// One that remembers in this database, which has the schema of payments, and that payers reach at this URL.
    #[must_use]
    pub fn new(database: Database, base_url: &str) -> Simulated {
        Simulated {
            database,
            base_url: base_url.trim_end_matches('/').to_owned(),
        }
    }

    /// The payer acts. Who does so again, or too late, changes nothing. Tells how the intent stands.
    ///
    /// # Errors
    /// There is no such intent, or the database failed.
    pub async fn act(&self, intent_id: &str, act: Act) -> Result<Intent, ProviderError> {
        let acted = self.change(intent_id, |state| match (state, act) {
            (State::RequiresAction, Act::Complete) => State::Charged,
            (State::RequiresAction, Act::Decline) => State::Declined,
            (state, _) => state,
        });
        Ok(self.intent(intent_id, acted.await?.after))
    }

    async fn change(&self, id: &str, change: impl FnOnce(State) -> State) -> Result<Step, ProviderError> {
        let step = async {
            let mut transaction = self.database.begin().await?;
            let Some(before) = intents::lock(&mut transaction, id).await? else {
                return Ok(None);
            };
            let after = change(before);
            if after != before {
                intents::save(&mut transaction, id, after).await?;
                transaction.commit().await?;
            }
            Ok(Some(Step { before, after }))
        };
        step.await
            .map_err(lost)?
            .ok_or_else(|| ProviderError::Refused(format!("there is no intent `{id}`")))
    }

    fn intent(&self, id: &str, state: State) -> Intent {
        // Like an intent's, so that both are found by one search.
        let charge_id = || id.replacen("pi_", "ch_", 1);
        Intent {
            id: id.to_owned(),
            state: match state {
                State::Created => IntentState::Created,
                State::RequiresAction => IntentState::RequiresAction {
                    next_action: format!("{}/simulated/intents/{id}", self.base_url),
                },
                State::Charged => IntentState::Charged {
                    charge_id: charge_id(),
                },
                State::Declined => IntentState::Declined,
                State::Cancelled => IntentState::Cancelled,
                State::Refunded => IntentState::Refunded {
                    charge_id: charge_id(),
                },
            },
        }
    }
}

/// A change of an intent.
struct Step {
    before: State,
    after: State,
}

/// Its memory failed: from outside that is no answer.
fn lost(error: sqlx::Error) -> ProviderError {
    ProviderError::Unknown(format!("its database: {error}"))
}

impl Provider for Simulated {
    fn create<'a>(&'a self, key: &'a str, price: &'a Price) -> Answer<'a, Intent> {
        Box::pin(async move {
            let (id, first_price, state) = intents::create(&self.database, key, price).await.map_err(lost)?;
            if first_price != *price {
                return Err(ProviderError::Refused(
                    "the key came with another amount before".to_owned(),
                ));
            }
            Ok(self.intent(&id, state))
        })
    }

    fn get<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move {
            let step = self.change(intent_id, |state| state).await?;
            Ok(self.intent(intent_id, step.after))
        })
    }

    fn confirm<'a>(&'a self, intent_id: &'a str, method: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move {
            let token = Token::of(method);
            let step = self
                .change(intent_id, |state| match (state, token) {
                    (State::Created, Token::Success | Token::Unknown) => State::Charged,
                    (State::Created, Token::Declined) => State::Declined,
                    (State::Created, Token::Action) => State::RequiresAction,
                    (state, _) => state,
                })
                .await?;
            match (step.before, token) {
                (State::Created, Token::Unknown) => Err(ProviderError::Unknown(
                    "that is what `tok_unknown` is for".to_owned(),
                )),
                _ => Ok(self.intent(intent_id, step.after)),
            }
        })
    }

    fn cancel<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move {
            let step = self
                .change(intent_id, |state| match state {
                    State::Created | State::RequiresAction => State::Cancelled,
                    state => state,
                })
                .await?;
            Ok(self.intent(intent_id, step.after))
        })
    }

    fn refund<'a>(&'a self, intent_id: &'a str) -> Answer<'a, Intent> {
        Box::pin(async move {
            let step = self
                .change(intent_id, |state| match state {
                    State::Charged => State::Refunded,
                    state => state,
                })
                .await?;
            match step.after {
                State::Refunded => Ok(self.intent(intent_id, step.after)),
                _ => Err(ProviderError::Refused("nothing was charged".to_owned())),
            }
        })
    }
}
