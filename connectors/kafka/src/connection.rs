//! How to reach the cluster: addresses and librdkafka properties, checked and with secrets hidden.

use std::fmt;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;

use crate::auth::Auth;

/// Addresses of the cluster and any librdkafka properties (TLS, SASL, tuning), the same for every
/// client this crate makes. `Debug` hides secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// `host:port[,host:port...]` of some brokers; the rest of the cluster is learnt from them.
    pub bootstrap_servers: String,
    /// Properties by their librdkafka names. They override this crate's own defaults; those that exactly-once
    /// rests on are refused (see [`ConnectionError::Reserved`]).
    pub properties: Vec<(String, String)>,
    /// How a client shows who it is.
    pub auth: Auth,
}

/// A setting of the connection is wrong. Nothing was sent; correct the named property.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The property is set by this crate, because its promise rests on the value.
    #[error("property `{name}` cannot be set: {why}")]
    Reserved {
        /// The property as it was given.
        name: String,
        /// What rests on it.
        why: &'static str,
    },
    /// librdkafka does not know the property or refuses its value.
    #[error("property `{name}`: {reason}")]
    Property {
        /// The property as it was given.
        name: String,
        /// librdkafka's own words.
        reason: String,
    },
    /// This build cannot authenticate that way.
    #[error("authentication by {auth}: {reason}")]
    Auth {
        /// As it was asked for.
        auth: Auth,
        /// What is missing.
        reason: String,
    },
    /// The properties do not fit together.
    #[error("connection settings refused: {0}")]
    Client(String),
}

/// What must stay as it is, with the reason an operator is told.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "it has a setting of its own"),
    (
        "metadata.broker.list",
        "the brokers have a setting of their own, the bootstrap servers",
    ),
    ("group.id", "the group is the job's"),
    ("isolation.level", "only committed orders are counted"),
    (
        "auto.offset.reset",
        "a position out of range must be an error, never a silent jump",
    ),
    (
        "topic.auto.offset.reset",
        "a position out of range must be an error, never a silent jump",
    ),
    (
        "enable.auto.commit",
        "offsets are committed in the transaction of the results",
    ),
    (
        "auto.commit.enable",
        "offsets are committed in the transaction of the results",
    ),
    (
        "enable.auto.offset.store",
        "offsets are committed in the transaction of the results",
    ),
    (
        "enable.partition.eof",
        "the end of a partition tells that all before it has been read",
    ),
    (
        "transactional.id",
        "it is the job's, so that one job fences its predecessor",
    ),
    ("transaction.timeout.ms", "it has a setting of its own"),
    ("enable.idempotence", "a transaction needs it"),
    ("acks", "a transaction needs acknowledgement by all replicas"),
    (
        "request.required.acks",
        "a transaction needs acknowledgement by all replicas",
    ),
    (
        "allow.auto.create.topics",
        "topics are made on purpose, with their partitions and settings",
    ),
    ("log.queue", "logs are served by this crate"),
];

impl Connection {
    /// A connection with no further properties.
    pub fn new(bootstrap_servers: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            properties: Vec::new(),
            auth: Auth::default(),
        }
    }

    /// Checks every property without connecting.
    ///
    /// # Errors
    /// Names the first property that is reserved, unknown or has a wrong value.
    pub fn check(&self) -> Result<(), ConnectionError> {
        let config = self.config(&[])?;
        config
            .create_native_config()
            .map(drop)
            .map_err(ConnectionError::from_kafka)
    }

    /// This crate's defaults, overridden by the properties.
    pub(crate) fn config(&self, defaults: &[(&str, &str)]) -> Result<ClientConfig, ConnectionError> {
        for (name, _) in &self.properties {
            if let Some((_, why)) = RESERVED.iter().find(|(reserved, _)| reserved == name) {
                return Err(ConnectionError::Reserved {
                    name: name.clone(),
                    why,
                });
            }
        }
        self.client_config(defaults)
    }

    /// The configuration of a client: these defaults, how it shows who it is, then the properties. What the client's
    /// promise rests on is set after it.
    ///
    /// # Errors
    /// No broker is named, or a property or the build does not fit the way to authenticate.
    pub(crate) fn client_config(&self, defaults: &[(&str, &str)]) -> Result<ClientConfig, ConnectionError> {
        self.auth.check().map_err(|reason| ConnectionError::Auth {
            auth: self.auth,
            reason,
        })?;
        if self.bootstrap_servers.trim().is_empty() {
            return Err(ConnectionError::Property {
                name: "bootstrap.servers".into(),
                reason: "no broker is named; give host:port".into(),
            });
        }
        let mut config = ClientConfig::new();
        // That the broker has closed a connection is told at this level.
        config.set_log_level(RDKafkaLogLevel::Info);
        config
            .set("client.id", "weir")
            .set("reconnect.backoff.max.ms", "1000");
        for (name, value) in defaults {
            config.set(*name, *value);
        }
        self.auth.configure(&mut config);
        for (name, value) in &self.properties {
            if self.auth.rules_out(name) {
                return Err(ConnectionError::Reserved {
                    name: name.clone(),
                    why: "the client shows a token of AWS",
                });
            }
            if name == "debug" {
                config.set_log_level(RDKafkaLogLevel::Debug);
            }
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.bootstrap_servers);
        Ok(config)
    }
}

impl ConnectionError {
    pub(crate) fn from_kafka(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, reason, name, value) => {
                // librdkafka repeats the value in its text; a secret must not reach a log.
                let reason = if is_secret(&name) && !value.is_empty() {
                    reason.replace(&value, HIDDEN)
                } else {
                    reason
                };
                Self::Property { name, reason }
            }
            other => Self::Client(other.to_string()),
        }
    }
}

const HIDDEN: &str = "<hidden>";

/// Whether the value of this property must not be shown.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "secret",
        "oauth",
        "token",
        "pem",
        "passphrase",
        "credential",
    ]
    .iter()
    .any(|part| name.contains(part))
        || name == "sasl.jaas.config"
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<(&str, &str)> = self
            .properties
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str(),
                    if is_secret(name) { HIDDEN } else { value.as_str() },
                )
            })
            .collect();
        f.debug_struct("Connection")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("properties", &shown)
            .field("auth", &self.auth)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Connection {
        Connection {
            bootstrap_servers: "b:1".into(),
            properties: vec![(name.into(), value.into())],
            auth: Auth::default(),
        }
    }

    #[test]
    fn debug_hides_every_secret_and_shows_the_rest() {
        for name in [
            "sasl.password",
            "ssl.key.password",
            "ssl.keystore.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
        ] {
            let text = format!("{:?}", with(name, "hunter2"));
            assert!(!text.contains("hunter2"), "{text}");
            assert!(text.contains(name), "{text}");
        }
        assert!(format!("{:?}", with("sasl.username", "ann")).contains("ann"));
    }

    #[test]
    fn every_reserved_property_is_refused_by_name() {
        for (name, _) in RESERVED {
            match with(name, "x").check() {
                Err(ConnectionError::Reserved { name: named, .. }) => assert_eq!(named, *name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_unknown_property_and_a_wrong_value_are_named() {
        for (name, value) in [("no.such.thing", "1"), ("socket.timeout.ms", "soon")] {
            let error = with(name, value).check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    #[cfg(not(feature = "msk-iam"))]
    fn a_build_without_tokens_says_so() {
        let connection = Connection {
            auth: Auth::MskIam,
            ..Connection::new("b:1")
        };
        let error = connection.check().unwrap_err().to_string();
        assert!(error.contains("feature `msk-iam`"), "{error}");
    }

    #[test]
    #[cfg(feature = "msk-iam")]
    fn who_shows_a_token_of_aws_has_no_password() {
        let by_token = |name: &str, value: &str| Connection {
            auth: Auth::MskIam,
            ..with(name, value)
        };
        assert_eq!(by_token("ssl.ca.location", "").check(), Ok(()));
        for name in ["sasl.mechanism", "sasl.password"] {
            let error = by_token(name, "PLAIN").check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn no_address_is_an_error() {
        assert!(Connection::new(" ").check().is_err());
    }

    #[test]
    fn defaults_give_way_to_properties() {
        let config = with("socket.timeout.ms", "7000").config(&[("socket.timeout.ms", "1")]);
        assert_eq!(config.unwrap().get("socket.timeout.ms"), Some("7000"));
    }
}
