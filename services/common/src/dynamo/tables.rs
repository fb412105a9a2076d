//! Tables that can be asked.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};

use super::{DynamoUrl, EXPIRES_AT};
use crate::aws;

/// The tables of a place. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tables {
    client: Client,
    url: DynamoUrl,
}

/// A table could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the table {table}: {reason}")]
pub struct CreateError {
    table: String,
    reason: String,
}

impl DynamoUrl {
    /// The tables there. Nothing is asked yet: they may be away.
    pub async fn open(&self) -> Tables {
        let config = aws::config(Some(&self.region), self.endpoint.as_deref()).await;
        Tables {
            client: Client::new(&config),
            url: self.clone(),
        }
    }
}

impl Tables {
    /// For requests.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The full name of a table.
    #[must_use]
    pub fn name(&self, table: &str) -> String {
        self.url.table(table)
    }

    /// Makes a table with these key attributes, texts both, and its time to live: for development and tests. In production
    /// services have no right to make tables.
    ///
    /// # Errors
    /// It is there already, or may not be made.
    pub async fn create(&self, table: &str, hash: &str, range: Option<&str>) -> Result<(), CreateError> {
        let name = self.name(table);
        let failed = |reason: String| CreateError {
            table: name.clone(),
            reason,
        };
        let mut request = self
            .client
            .create_table()
            .table_name(&name)
            .billing_mode(BillingMode::PayPerRequest);
        for (attribute, kind) in [(Some(hash), KeyType::Hash), (range, KeyType::Range)] {
            let Some(attribute) = attribute else { continue };
            let definition = AttributeDefinition::builder()
                .attribute_name(attribute)
                .attribute_type(ScalarAttributeType::S)
                .build();
            let key = KeySchemaElement::builder()
                .attribute_name(attribute)
                .key_type(kind)
                .build();
            request = request
                .attribute_definitions(definition.map_err(|error| failed(error.to_string()))?)
                .key_schema(key.map_err(|error| failed(error.to_string()))?);
        }
        request.send().await.map_err(|error| failed(reason(&error)))?;
        let forgets = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(EXPIRES_AT)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        self.client
            .update_time_to_live()
            .table_name(&name)
            .time_to_live_specification(forgets)
            .send()
            .await
            .map_err(|error| failed(reason(&error)))?;
        Ok(())
    }
}

/// An error with all its causes.
pub fn reason<E>(error: &SdkError<E>) -> String
where
    E: std::error::Error + 'static,
{
    DisplayErrorContext(error).to_string()
}
