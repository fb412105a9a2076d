//! Statements that are made before they are executed, so that several of them can go together.

use sqlx::any::AnyArguments;
use sqlx::encode::Encode;
use sqlx::error::BoxDynError;
use sqlx::types::Type;
use sqlx::{Any, Arguments as _, AssertSqlSafe, SqlSafeStr, SqlStr};

use super::{Kind, Row, Transaction};
use crate::boxed::Boxed;

/// A statement with what stands in its places, `$1` and so on; no text in it may hold a dollar sign otherwise.
pub struct Statement {
    text: SqlStr,
    arguments: AnyArguments,
    failure: Option<BoxDynError>,
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
            self.failure.get_or_insert(error);
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

    fn arguments(&mut self) -> sqlx::Result<AnyArguments> {
        match self.failure.take() {
            Some(error) => Err(sqlx::Error::Encode(error)),
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
            let mut text = first.to_owned();
            let mut all = AnyArguments::default();
            for mut statement in statements {
                number_from(all.len(), statement.text.as_str(), &mut text);
                all.values.0.append(&mut statement.arguments()?.values.0);
            }
            text.push_str(last);
            // Made of constants and the numbers of places.
            let together = sqlx::query_with(AssertSqlSafe(text), all);
            together.fetch_all(&mut **transaction).await
        }
    }
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
