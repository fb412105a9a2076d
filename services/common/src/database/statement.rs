//! Statements that are made before they are executed, so that several of them can go together.

use futures::TryStreamExt as _;
use sqlx::any::AnyArguments;
use sqlx::encode::Encode;
use sqlx::types::Type;
use sqlx::{Any, AnyConnection, Arguments as _, AssertSqlSafe, Either, Executor as _, SqlSafeStr, SqlStr};

use super::{Kind, Row, Transaction};
use crate::boxed::Boxed;

/// SQLite's: one at a time writes, from the beginning.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE;\n";
pub(super) const COMMIT: &str = "COMMIT";

/// A statement with what stands in its places, `$1` and so on; no text in it may hold a dollar sign otherwise.
pub struct Statement {
    text: SqlStr,
    arguments: AnyArguments,
    /// Of what could not be put in its place.
    failure: Option<String>,
}

impl Clone for Statement {
    fn clone(&self) -> Statement {
        let mut arguments = AnyArguments::default();
        arguments.values.0.clone_from(&self.arguments.values.0);
        Statement {
            text: self.text.clone(),
            arguments,
            failure: self.failure.clone(),
        }
    }
}

impl Statement {
    /// One without anything in its places yet.
    #[must_use]
    pub fn new(text: &'static str) -> Statement {
        Statement::of(text.into_sql_str())
    }

    /// The same, of a text that was put together: of constants and numbers, and nothing that came from outside.
    pub(crate) fn assembled(text: String) -> Statement {
        Statement::of(AssertSqlSafe(text).into_sql_str())
    }

    fn of(text: SqlStr) -> Statement {
        Statement {
            text,
            arguments: AnyArguments::default(),
            failure: None,
        }
    }

    /// What stands in the next place.
    #[must_use]
    pub fn bind<'t, T: Encode<'t, Any> + Type<Any>>(mut self, value: T) -> Statement {
        if let Err(error) = self.arguments.add(value) {
            self.failure.get_or_insert(error.to_string());
        }
        self
    }

    /// Executes it; gives its rows.
    ///
    /// # Errors
    /// The database failed.
    pub fn execute(mut self, transaction: &mut Transaction) -> Boxed<'_, sqlx::Result<Vec<Row>>> {
        Box::pin(async move {
            let arguments = self.arguments()?;
            sqlx::query_with(self.text, arguments)
                .fetch_all(&mut **transaction)
                .await
        })
    }

    pub(super) fn text(&self) -> &str {
        self.text.as_str()
    }

    fn arguments(&mut self) -> sqlx::Result<AnyArguments> {
        match self.failure.take() {
            Some(error) => Err(sqlx::Error::Encode(error.into())),
            None => Ok(std::mem::take(&mut self.arguments)),
        }
    }
}

/// Executes statements one after the other; gives the rows of all. With SQLite they are one hand-over to the thread that executes
/// them, and `first` and `last` go with them.
pub(super) async fn together(
    transaction: &mut Transaction,
    first: &'static str,
    statements: Vec<Statement>,
    last: &'static str,
) -> sqlx::Result<Vec<Row>> {
    match transaction.kind() {
        Kind::Postgres => {
            let mut rows = Vec::new();
            for statement in statements {
                rows.extend(statement.execute(transaction).await?);
            }
            Ok(rows)
        }
        Kind::Sqlite => {
            let sets = in_sets(transaction, first, vec![statements], last).await?;
            Ok(sets.into_iter().flatten().collect())
        }
    }
}

/// Executes sets of statements one after the other, with SQLite, as one hand-over to the thread that executes them; gives the rows
/// of each set. `first` and `last` go with them: each is one statement that has no rows, or none.
pub(super) async fn in_sets(
    connection: &mut AnyConnection,
    first: &'static str,
    sets: Vec<Vec<Statement>>,
    last: &'static str,
) -> sqlx::Result<Vec<Vec<Row>>> {
    let mut text = first.to_owned();
    let mut all = AnyArguments::default();
    let mut rows: Vec<Vec<Row>> = sets.iter().map(|_| Vec::new()).collect();
    // Which set each statement is of.
    let mut owners = Vec::new();
    if !first.is_empty() {
        owners.push(None);
    }
    for (owner, set) in sets.into_iter().enumerate() {
        for mut statement in set {
            number_from(all.len(), statement.text.as_str(), &mut text);
            all.values.0.append(&mut statement.arguments()?.values.0);
            owners.push(Some(owner));
        }
    }
    text.push_str(last);
    // Made of constants and the numbers of places.
    let query = sqlx::query_with(AssertSqlSafe(text), all);
    let mut results = connection.fetch_many(query);
    let mut done = 0;
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(_) => done += 1,
            Either::Right(row) => {
                if let Some(owner) = owners.get(done).copied().flatten() {
                    rows[owner].push(row);
                }
            }
        }
    }
    Ok(rows)
}

/// Appends a statement whose places begin behind the `first` that others have.
fn number_from(first: usize, statement: &str, text: &mut String) {
    let mut parts = statement.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let number: usize = number.parse().unwrap_or(0);
        text.push_str(&format!("${}{rest}", first + number));
    }
    text.push_str(";\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_on() {
        let mut text = String::new();
        number_from(0, "UPDATE a SET b = $2 WHERE c = $1", &mut text);
        number_from(2, "INSERT INTO d VALUES ($1, $10)", &mut text);
        number_from(12, "DELETE FROM e", &mut text);
        let expected = "UPDATE a SET b = $2 WHERE c = $1;\nINSERT INTO d VALUES ($3, $12);\nDELETE FROM e;\n";
        assert_eq!(text, expected);
    }
}
