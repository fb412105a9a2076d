//! Claims in DynamoDB: the table `ecommerce-notifications`, by event and recipient.

use std::fmt;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use service_common::dynamo::{EXPIRES_AT, Item, Tables, now_ms, number, reason, seconds, text};

use super::{Claim, Claims, Terms, after};
use crate::trouble::{Trouble, Work};

/// Without the prefix of all tables.
const TABLE: &str = "notifications";
/// The key.
const EVENT: &str = "event_id";
const RECIPIENT: &str = "recipient";
/// The recipient of an item that holds the newest version of a subject: no user has this id.
const NEWEST: &str = "#newest";

/// Claims in a table. Cheap to clone.
#[derive(Clone)]
pub struct DynamoClaims {
    tables: Tables,
    table: String,
    terms: Terms,
}

impl fmt::Debug for DynamoClaims {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DynamoClaims({})", self.table)
    }
}

impl DynamoClaims {
    /// In the table `notifications` of these.
    #[must_use]
    pub fn new(tables: Tables, terms: Terms) -> DynamoClaims {
        let table = tables.name(TABLE);
        DynamoClaims { tables, table, terms }
    }

    /// Makes the table: for development and tests.
    ///
    /// # Errors
    /// It is there already, or may not be made.
    pub async fn create_table(tables: &Tables) -> Result<(), service_common::dynamo::CreateError> {
        tables.create(TABLE, EVENT, Some(RECIPIENT)).await
    }

    fn update(&self, event_id: &str, recipient: &str, expression: &str) -> UpdateItemFluentBuilder {
        let lasts_until = seconds(after(now_ms(), self.terms.kept_for));
        self.tables
            .client()
            .update_item()
            .table_name(&self.table)
            .key(EVENT, text(event_id))
            .key(RECIPIENT, text(recipient))
            .update_expression(format!("{expression}, {EXPIRES_AT} = :expires"))
            .expression_attribute_values(":expires", number(lasts_until))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn try_claim(&self, event_id: &str, recipient: &str) -> Result<Claim, Trouble> {
        let now = now_ms();
        let lease = number(after(now, self.terms.lease));
        // What was kept long enough is refused though it may still be there.
        let fresh = self
            .update(
                event_id,
                recipient,
                "REMOVE sent_at_ms SET lease_until_ms = :lease",
            )
            .condition_expression(format!("attribute_not_exists({EVENT}) OR {EXPIRES_AT} <= :now_s"))
            .expression_attribute_values(":lease", lease.clone())
            .expression_attribute_values(":now_s", number(now.div_euclid(1_000)));
        if done(fresh).await?.is_ok() {
            return Ok(Claim::Ours { may_repeat: false });
        }
        let taken_over = self
            .update(event_id, recipient, "SET lease_until_ms = :lease")
            .condition_expression("attribute_not_exists(sent_at_ms) AND lease_until_ms <= :now")
            .expression_attribute_values(":lease", lease)
            .expression_attribute_values(":now", number(now));
        Ok(match done(taken_over).await? {
            Ok(()) => Claim::Ours { may_repeat: true },
            Err(Some(item)) if item.contains_key("sent_at_ms") => Claim::Sent,
            Err(_) => Claim::Taken,
        })
    }

    async fn try_release(&self, event_id: &str, recipient: &str, certainly_not: bool) -> Result<(), Trouble> {
        if !certainly_not {
            let release = self
                .update(event_id, recipient, "SET lease_until_ms = :none")
                .condition_expression(format!(
                    "attribute_exists({EVENT}) AND attribute_not_exists(sent_at_ms)"
                ))
                .expression_attribute_values(":none", number(0));
            return done(release).await.map(drop);
        }
        let deleted = self
            .tables
            .client()
            .delete_item()
            .table_name(&self.table)
            .key(EVENT, text(event_id))
            .key(RECIPIENT, text(recipient))
            .condition_expression("attribute_not_exists(sent_at_ms)")
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(Trouble::new("claims", reason(&error))),
        }
    }
}

/// Whether the condition held; if not, the item as it is.
async fn done(update: UpdateItemFluentBuilder) -> Result<Result<(), Option<Item>>, Trouble> {
    match update.send().await {
        Ok(_) => Ok(Ok(())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(Err(failed.item.clone())),
            _ => Err(Trouble::new("claims", reason(&error))),
        },
    }
}

impl Claims for DynamoClaims {
    fn claim<'a>(&'a self, event_id: &'a str, recipient: &'a str) -> Work<'a, Claim> {
        Box::pin(self.try_claim(event_id, recipient))
    }

    fn mark<'a>(&'a self, event_id: &'a str, recipient: &'a str) -> Work<'a, ()> {
        let mark = self
            .update(event_id, recipient, "SET sent_at_ms = :now")
            .expression_attribute_values(":now", number(now_ms()));
        Box::pin(async move { done(mark).await.map(drop) })
    }

    fn release<'a>(&'a self, event_id: &'a str, recipient: &'a str, certainly_not: bool) -> Work<'a, ()> {
        Box::pin(self.try_release(event_id, recipient, certainly_not))
    }

    fn advance<'a>(&'a self, subject: &'a str, version: i64) -> Work<'a, bool> {
        let advance = self
            .update(subject, NEWEST, "SET newest_version = :version")
            .condition_expression(format!(
                "attribute_not_exists({EVENT}) OR newest_version <= :version OR {EXPIRES_AT} <= :now_s"
            ))
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":now_s", number(now_ms().div_euclid(1_000)));
        Box::pin(async move { Ok(done(advance).await?.is_ok()) })
    }

    fn ping(&self) -> Work<'_, ()> {
        let ask = self
            .tables
            .client()
            .get_item()
            .table_name(&self.table)
            .key(EVENT, text("#ping"))
            .key(RECIPIENT, text("#ping"));
        Box::pin(async move {
            let asked = ask.send().await;
            asked.map_err(|error| Trouble::new("claims", reason(&error)))?;
            Ok(())
        })
    }

    /// DynamoDB forgets by itself.
    fn sweep(&self) -> Work<'_, u64> {
        Box::pin(async { Ok(0) })
    }
}
