//! Clients of rdkafka that others make: to the same cluster, in the same way, and as quiet about secrets.

use std::error::Error;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::auth::Auth;
use crate::connection::{Connection, ConnectionError};
use crate::context::note;

/// Shows who the client is, and logs what librdkafka has to say.
pub struct PlainContext {
    client: &'static str,
    auth: Auth,
}

impl ClientContext for PlainContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.auth.token()
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        note(self.client, level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(client = self.client, %error, reason, "trouble with Kafka");
    }
}

impl ConsumerContext for PlainContext {}

impl Connection {
    /// Makes a consumer or producer of rdkafka, named `client` in the log and, behind `weir-`, to the brokers. The
    /// `settings` are what its promise rests on: they override the properties. Nothing is sent yet.
    ///
    /// # Errors
    /// No broker is named, or a property is not one of librdkafka's or does not fit the others. A secret is not quoted.
    pub fn client<T: FromClientConfigAndContext<PlainContext>>(
        &self,
        client: &'static str,
        settings: &[(&str, &str)],
    ) -> Result<T, ConnectionError> {
        let mut config = self.client_config(&[("client.id", &format!("weir-{client}"))])?;
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let context = PlainContext {
            client,
            auth: self.auth,
        };
        config
            .create_with_context(context)
            .map_err(ConnectionError::from_kafka)
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::BaseConsumer;

    use super::*;

    #[test]
    fn a_refused_secret_is_named_and_not_shown() {
        let mut connection = Connection::new("b:1");
        connection
            .properties
            .push(("sasl.oauthbearer.scope.secret".into(), "hunter2".into()));
        let refused = connection.client::<BaseConsumer<PlainContext>>("test", &[]);
        let told = refused.err().unwrap().to_string();
        assert!(told.contains("sasl.oauthbearer.scope.secret"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}
