//! What both ways of running are made of.

use std::sync::Arc;

use service_common::client::{AddressError, Link};
use service_common::database::{Database, DatabaseError, DatabaseOptions};
use service_common::metrics::Metrics;
use service_common::server::ServeError;
use weir_kafka::ConnectionError;

use crate::claims::{Claims, ClaimsUrl, DatabaseClaims, OWNER, STEPS};
use crate::dead_letters::DeadLetterTopic;
use crate::desk::Desk;
use crate::options::DeskOptions;
use crate::people::RemotePeople;
use crate::sender::{FolderSender, Sender, SenderUrl};

/// The service cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database of the claims.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The folder of messages.
    #[error("--send-to: cannot make the folder {folder}: {source}")]
    Folder {
        /// Which one.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// A setting needs what this build does not have.
    #[error("{setting}: this build has no {what}; build it with the feature `{feature}`")]
    NotBuilt {
        /// Which setting.
        setting: &'static str,
        /// What it names.
        what: &'static str,
        /// What it is built with.
        feature: &'static str,
    },
    /// The user service's address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// How Kafka is reached.
    #[error("Kafka: {0}")]
    Kafka(#[from] ConnectionError),
    /// Its port.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// All that is needed to tell people, who are known by `users`, the way to the user service. The database of the claims, where
/// they are in one, is to be closed at the end.
///
/// # Errors
/// What keeps it from being made. Kafka and the user service may be away.
pub async fn open(
    options: &DeskOptions,
    users: Link,
    metrics: &Metrics,
) -> Result<(Desk, Option<Database>), StartError> {
    let (claims, database) = claims(options, metrics).await?;
    let desk = Desk {
        claims,
        people: Arc::new(RemotePeople::new(users)),
        sender: sender(&options.send_to).await?,
        dead_letters: Arc::new(DeadLetterTopic::new(
            &options.kafka.connection(),
            &options.topics.dead_letters,
        )?),
        metrics: metrics.clone(),
    };
    Ok((desk, database))
}

async fn claims(
    options: &DeskOptions,
    metrics: &Metrics,
) -> Result<(Arc<dyn Claims>, Option<Database>), StartError> {
    match &options.claims {
        ClaimsUrl::Database(url) => {
            let database = Database::open(&DatabaseOptions::of(url.clone()), OWNER, STEPS)
                .await?
                .measured(metrics);
            let claims = DatabaseClaims::new(database.clone(), options.terms());
            Ok((Arc::new(claims), Some(database)))
        }
        #[cfg(feature = "dynamodb")]
        ClaimsUrl::Dynamo(url) => {
            let claims = crate::claims::DynamoClaims::new(url.open().await, options.terms());
            Ok((Arc::new(claims), None))
        }
        #[cfg(not(feature = "dynamodb"))]
        ClaimsUrl::Dynamo(_) => Err(StartError::NotBuilt {
            setting: "--claims",
            what: "DynamoDB",
            feature: "dynamodb",
        }),
    }
}

async fn sender(url: &SenderUrl) -> Result<Arc<dyn Sender>, StartError> {
    match url {
        SenderUrl::Folder(folder) => {
            let opened = FolderSender::open(folder).map_err(|source| StartError::Folder {
                folder: folder.display().to_string(),
                source,
            })?;
            Ok(Arc::new(opened))
        }
        #[cfg(feature = "sns")]
        SenderUrl::Sns { arn, region } => {
            let config = service_common::aws::config(Some(region), None).await;
            Ok(Arc::new(crate::sender::SnsSender::new(&config, arn)))
        }
        #[cfg(not(feature = "sns"))]
        SenderUrl::Sns { .. } => Err(StartError::NotBuilt {
            setting: "--send-to",
            what: "SNS",
            feature: "sns",
        }),
    }
}
